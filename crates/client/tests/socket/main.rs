//! Every endpoint over a real socket, against the emulator and against raw servers that answer what
//! no well-behaved one would.

mod bytes;
mod common;
mod faults;
mod oddities;
mod tolerance;
mod transmit;
mod veriff;
mod waiting;
