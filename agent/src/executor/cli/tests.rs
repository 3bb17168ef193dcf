//! Sessions with played devices.
