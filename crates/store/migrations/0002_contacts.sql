-- Contacts that others publish, by source; the roster's own stand in the roster.

create table contact_import (
    id text not null primary key,
    source text not null,
    kind text not null,
    at bigint not null,
    digest text not null,
    added bigint not null,
    changed bigint not null,
    removed bigint not null,
    leaf text not null references leaf (id)
);
create index contact_import_of_source on contact_import (source, at);

create table contact (
    source text not null,
    subject text not null,
    facts text not null,
    import text not null references contact_import (id),
    primary key (source, subject)
);
create index contact_of_subject on contact (subject);
