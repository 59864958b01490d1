//! What a member's bytes stand on: each layer reads from the one below, goes back by beginning again, and gives it back when done.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::problem::Code;

use super::Limits;
use super::codes::{MAIL_CUT_OFF, Stop, UNPACKED_TOO_MUCH, UNPACKS_TOO_FAR};
use crate::source::{Source, pass_over};

/// A source that stands on another.
pub(super) trait Layer<'a>: Source {
    /// The layer below, with this one gone; the ground gives itself.
    fn below(self: Box<Self>) -> Tip<'a>;
}

/// The uppermost layer, which owns those below it.
pub(super) type Tip<'a> = Box<dyn Layer<'a> + 'a>;

/// The file as handed in.
pub(super) struct Ground<'a>(pub(super) &'a mut dyn Source);

impl Read for Ground<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Source for Ground<'_> {
    fn rewind(&mut self) -> io::Result<()> {
        self.0.rewind()
    }
    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.0.go_to(at)
    }
    fn length(&mut self) -> io::Result<u64> {
        self.0.length()
    }
    fn cut_off(&self) -> Option<&'static Code> {
        self.0.cut_off()
    }
}

impl<'a> Layer<'a> for Ground<'a> {
    fn below(self: Box<Self>) -> Tip<'a> {
        self
    }
}

/// A part of the layer below, from one byte to another.
pub(super) struct Window<'a> {
    below: Tip<'a>,
    start: u64,
    end: u64,
    at: u64,
    /// The layer below ends where more of this part should come.
    cut: bool,
}

impl<'a> Window<'a> {
    pub(super) fn of(mut below: Tip<'a>, start: u64, end: u64, cut: bool) -> Result<Self, (Tip<'a>, io::Error)> {
        match below.go_to(start) {
            Ok(()) => Ok(Self { below, start, end: end.max(start), at: start, cut }),
            Err(error) => Err((below, error)),
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(bytes.len());
        let read = self.below.read(bytes.get_mut(..left).unwrap_or_default())?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Source for Window<'_> {
    fn rewind(&mut self) -> io::Result<()> {
        self.go_to(0)
    }
    fn go_to(&mut self, at: u64) -> io::Result<()> {
        let wanted = self.start.saturating_add(at).min(self.end);
        self.below.go_to(wanted)?;
        self.at = wanted;
        Ok(())
    }
    fn length(&mut self) -> io::Result<u64> {
        Ok(self.end - self.start)
    }
    fn cut_off(&self) -> Option<&'static Code> {
        self.cut.then_some(&MAIL_CUT_OFF)
    }
}

impl<'a> Layer<'a> for Window<'a> {
    fn below(self: Box<Self>) -> Tip<'a> {
        self.below
    }
}

/// Something that makes bytes out of the bytes below, forward only.
pub(super) trait Decoder: Send {
    /// Makes itself as it was at the beginning, and the layer below likewise.
    fn begin(&mut self, below: &mut dyn Source) -> io::Result<()>;

    /// Makes some bytes; none at the end.
    fn decode(&mut self, below: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize>;

    /// Why the bytes ended too early, if they did.
    fn cut_off(&self, below: &dyn Source) -> Option<&'static Code>;
}

/// A decoder on the layer below, as a source.
pub(super) struct Decoded<'a, D> {
    below: Tip<'a>,
    decoder: D,
    /// The next byte.
    at: u64,
    /// Nothing was asked of the decoder since it began.
    fresh: bool,
}

impl<'a, D: Decoder> Decoded<'a, D> {
    pub(super) fn of(mut below: Tip<'a>, mut decoder: D) -> Result<Self, (Tip<'a>, io::Error)> {
        match decoder.begin(&mut *below) {
            Ok(()) => Ok(Self { below, decoder, at: 0, fresh: true }),
            Err(error) => Err((below, error)),
        }
    }
}

impl<D: Decoder> Read for Decoded<'_, D> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.fresh = false;
        let made = self.decoder.decode(&mut *self.below, bytes)?;
        self.at += made as u64;
        Ok(made)
    }
}

impl<D: Decoder> Source for Decoded<'_, D> {
    fn rewind(&mut self) -> io::Result<()> {
        if !self.fresh {
            self.decoder.begin(&mut *self.below)?;
            (self.at, self.fresh) = (0, true);
        }
        Ok(())
    }
    fn go_to(&mut self, at: u64) -> io::Result<()> {
        if at < self.at {
            self.rewind()?;
        }
        let further = at - self.at;
        pass_over(&mut *self, further).map(|_| ())
    }
    fn cut_off(&self) -> Option<&'static Code> {
        self.decoder.cut_off(&*self.below)
    }
}

impl<'a, D: Decoder + 'a> Layer<'a> for Decoded<'a, D> {
    fn below(self: Box<Self>) -> Tip<'a> {
        self.below
    }
}

/// A container that is held in memory, so that its members need not be unpacked from its beginning each time.
pub(super) struct Held<'a> {
    below: Tip<'a>,
    bytes: Cursor<Vec<u8>>,
    cut: Option<&'static Code>,
}

impl<'a> Held<'a> {
    /// Holds what the layer below has, if it is not more than so many bytes; else gives the layer back.
    pub(super) fn of(mut below: Tip<'a>, most: usize) -> Result<Self, (Tip<'a>, io::Result<()>)> {
        let mut bytes = Vec::new();
        let read = below.rewind().and_then(|()| (&mut *below).take(most as u64 + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => Err((below, Err(error))),
            Ok(read) if read > most => Err((below, Ok(()))),
            Ok(_) => {
                let cut = below.cut_off();
                Ok(Self { below, bytes: Cursor::new(bytes), cut })
            }
        }
    }

    /// How many bytes it holds.
    pub(super) const fn len(&self) -> usize {
        self.bytes.get_ref().len()
    }
}

impl Read for Held<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(bytes)
    }
}

impl Source for Held<'_> {
    fn rewind(&mut self) -> io::Result<()> {
        self.go_to(0)
    }
    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.bytes.set_position(at);
        Ok(())
    }
    fn length(&mut self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
    fn cut_off(&self) -> Option<&'static Code> {
        self.cut
    }
}

impl<'a> Layer<'a> for Held<'a> {
    fn below(self: Box<Self>) -> Tip<'a> {
        self.below
    }
}

/// How much may still be unpacked out of a file, counted over all its members.
#[derive(Clone)]
pub(super) struct Budget {
    left: Arc<AtomicU64>,
    work: Arc<AtomicU64>,
    ratio: u64,
    free: u64,
}

/// A member is unpacked several times: to see what it is, in which encoding, and to read it. So often on average at most.
const PASSES: u64 = 8;

impl Budget {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            left: Arc::new(AtomicU64::new(limits.unpacked)),
            work: Arc::new(AtomicU64::new(limits.unpacked.saturating_mul(PASSES))),
            ratio: limits.ratio.max(1),
            free: limits.ratio_from,
        }
    }

    /// Takes the bytes that a member has just unpacked, of `made` since its beginning. What lies before `charged`, the furthest so
    /// far, was paid for: a member that is read again counts as work only.
    ///
    /// # Errors
    /// [`UNPACKS_TOO_FAR`], [`UNPACKED_TOO_MUCH`].
    pub(super) fn take(&self, just: usize, made: u64, packed: u64, charged: &mut u64, path: &str) -> io::Result<()> {
        if made > self.free && made / self.ratio > packed {
            return Err(Stop::error(&UNPACKS_TOO_FAR, path));
        }
        let more = made.saturating_sub(*charged);
        *charged = made.max(*charged);
        self.work(just, path)?;
        Self::less(&self.left, more, path)
    }

    /// Takes bytes that were made once more, out of as many.
    ///
    /// # Errors
    /// [`UNPACKED_TOO_MUCH`].
    pub(super) fn work(&self, just: usize, path: &str) -> io::Result<()> {
        Self::less(&self.work, just as u64, path)
    }

    fn less(from: &AtomicU64, bytes: u64, path: &str) -> io::Result<()> {
        let taken = from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| {
            // From here on nothing is left, also for smaller ones.
            from.store(0, Ordering::Relaxed);
            Stop::error(&UNPACKED_TOO_MUCH, path)
        })
    }

    /// Whether nothing may be unpacked any more.
    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0 || self.work.load(Ordering::Relaxed) == 0
    }
}
