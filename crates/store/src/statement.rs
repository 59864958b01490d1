//! One statement with its values. It begins with a comment that bears its function's name, so that the database's own statistics
//! are readable and an error says where it comes from.

use model::Instant;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{Encode, Type};

/// A statement: text for both engines, values bound in order.
pub(crate) struct Statement<'q> {
    /// `noun::function`, from the comment.
    pub(crate) name: &'static str,
    pub(crate) query: Query<'q, Any, AnyArguments>,
}

/// The statement of this text, which begins `/* noun::function */`.
#[allow(clippy::disallowed_methods, reason = "the one place where a query is made")]
pub(crate) fn statement<'q>(text: &'static str) -> Statement<'q> {
    Statement { name: name_of(text).unwrap_or("unnamed"), query: sqlx::query(text) }
}

/// The name in the comment that the text begins with.
pub(crate) fn name_of(text: &str) -> Option<&str> {
    text.strip_prefix("/* ")?.split_once(" */").map(|(name, _)| name)
}

impl<'q> Statement<'q> {
    /// Binds a text, a blob or a number as it is.
    pub(crate) fn bind<T: 'q + Encode<'q, Any> + Type<Any>>(mut self, value: T) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// Binds what is kept as text: an id, a name.
    pub(crate) fn id(self, value: &impl ToString) -> Self {
        self.bind(value.to_string())
    }

    /// As [`Statement::id`], or null.
    pub(crate) fn maybe_id(self, value: Option<&impl ToString>) -> Self {
        self.bind(value.map(ToString::to_string))
    }

    /// Binds a time.
    pub(crate) fn at(self, value: Instant) -> Self {
        self.bind(value.as_micros())
    }

    /// As [`Statement::at`], or null.
    pub(crate) fn maybe_at(self, value: Option<Instant>) -> Self {
        self.bind(value.map(Instant::as_micros))
    }

    /// Binds a count. A count above 2^63 is no count of anything here; it is held at the end of the range.
    pub(crate) fn count(self, value: u64) -> Self {
        self.bind(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Binds 0 or 1.
    pub(crate) fn flag(self, value: bool) -> Self {
        self.bind(i64::from(value))
    }
}
