//! The IntelMQ Data Format: one JSON object per event, keys such as `source.ip`, flat or nested.

mod read;
mod write;
