-- The first schema. Portable text: ids TEXT, times BIGINT microseconds UTC, JSON TEXT, flags 0/1, hashes BYTEA.

create table meta (
    name text not null primary key,
    value text not null
);

create table leaf (
    id text not null primary key,
    at bigint not null,
    kind text not null,
    decision text,
    bytes bytea not null,
    hash bytea not null,
    -- The order of commitment: writers take turns, so a later commit has a higher number, whatever their clocks say.
    place bigint not null unique,
    seq bigint unique
);
create index leaf_waiting on leaf (place) where seq is null;
create index leaf_of_decision on leaf (decision);
-- A decision is made once and closed once, even where recovery and the first process race.
create unique index leaf_decided_once on leaf (decision) where kind in ('decided', 'refused');
create unique index leaf_closed_once on leaf (decision) where kind in ('done', 'abandoned');

create table lease (
    name text not null primary key,
    owner text not null,
    until_at bigint not null,
    fence bigint not null
);

create table taken (
    what text not null,
    id text not null,
    at bigint not null,
    primary key (what, id)
);

create table turn (
    what text not null,
    id text not null,
    number bigint not null,
    primary key (what, id)
);

create table roster (
    id text not null primary key,
    digest text not null,
    valid_from bigint not null,
    recorded_at bigint not null,
    text text not null,
    leaf text not null references leaf (id)
);
create index roster_recorded on roster (recorded_at, id);

create table operation (
    id text not null primary key,
    opened_at bigint not null,
    closed_at bigint
);

create table plan (
    operation text not null references operation (id),
    version bigint not null,
    digest text not null,
    recorded_at bigint not null,
    text text not null,
    leaf text not null references leaf (id),
    primary key (operation, version)
);

create table round (
    operation text not null references operation (id),
    number bigint not null,
    opened_at bigint not null,
    sent_at bigint,
    closed_at bigint,
    primary key (operation, number),
    check (number > 0)
);

create table report (
    id text not null primary key,
    operation text not null,
    round bigint not null,
    author text not null,
    relay text not null,
    received_at bigint not null,
    file text not null,
    size bigint not null,
    digest text not null,
    provenance text not null,
    state text not null,
    decision text,
    rows_read bigint not null,
    rows_rejected bigint not null,
    rows_duplicate bigint not null,
    rows_received bigint not null,
    terminals bigint not null,
    terminals_new_in_round bigint not null,
    terminals_new_in_operation bigint not null,
    foreign key (operation, round) references round (operation, number),
    check (rows_read = rows_rejected + rows_duplicate + rows_received)
);
create index report_of_round on report (operation, round, received_at, id);
create index report_digest on report (digest);
-- The same file once per round; one that the gate refused may come again when there is a ground.
create unique index report_once on report (operation, round, digest) where state <> 'refused';

create table delivery (
    id text not null primary key,
    operation text not null,
    round bigint not null,
    party text not null,
    kind text not null,
    rows_carried bigint not null,
    terminals bigint not null,
    made_at bigint not null,
    carried_at bigint,
    acknowledged_at bigint,
    answered_at bigint,
    failed_at bigint,
    decision text,
    ticket text not null unique,
    format text not null,
    ground text not null,
    template text,
    foreign key (operation, round) references round (operation, number)
);
create index delivery_of_round on delivery (operation, round, made_at, id);

create table delivery_outcome (
    delivery text not null references delivery (id),
    outcome text not null,
    rows_counted bigint not null,
    primary key (delivery, outcome)
);

create table reason_count (
    operation text not null,
    round bigint not null,
    door text not null,
    party text not null,
    reason text not null,
    rows_counted bigint not null,
    primary key (operation, round, door, party, reason),
    foreign key (operation, round) references round (operation, number)
);

create table fact (
    id text not null primary key,
    kind text not null,
    operation text not null,
    round bigint not null,
    report text references report (id),
    delivery text references delivery (id),
    path text not null unique,
    part bigint not null,
    bytes bigint not null,
    rows_held bigint not null,
    digest bytea not null,
    schema_version text not null,
    retention text not null,
    decision text,
    created_at bigint not null,
    deleted_at bigint,
    foreign key (operation, round) references round (operation, number)
);
create index fact_of_round on fact (operation, round, kind);
create index fact_of_report on fact (report);
create index fact_of_delivery on fact (delivery);
create index fact_retention on fact (retention);

create table outbox (
    id text not null primary key,
    delivery text references delivery (id),
    fact text references fact (id),
    kind text not null,
    way text not null,
    recipient text,
    letters bigint not null,
    next_letter bigint not null,
    begun bigint not null,
    state text not null,
    made_at bigint not null,
    due_at bigint not null,
    attempts bigint not null,
    lease_owner text,
    lease_until bigint,
    fence bigint not null,
    last_error text,
    ended_at bigint
);
create index outbox_waiting on outbox (due_at, id) where state = 'waiting';
create index outbox_claimed on outbox (lease_until, id) where state = 'claimed';
create index outbox_of_delivery on outbox (delivery);

create table outbox_letter (
    outbox text not null references outbox (id),
    letter bigint not null,
    standing text not null,
    begun bigint not null,
    smtp_code bigint,
    at bigint not null,
    times bigint not null,
    primary key (outbox, letter)
);

create table outbox_settled (
    outbox text not null references outbox (id),
    letter bigint not null,
    recipient bigint not null,
    accepted bigint not null,
    primary key (outbox, letter, recipient)
);
