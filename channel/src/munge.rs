//! munge, through its own library loaded at run time: Muster needs it installed, not to be built. Commands ask munged
//! themselves first (`munged`), and load the library only where that gives nothing.
//!
//! Numbers are those of `munge.h` (MUNGE 0.5): options of a context, and `munge_err_t`.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;

use bytes::Bytes;
use libloading::Library;
use tokio::sync::Semaphore;

use crate::credential::{CredentialError, Credentials};
use crate::munged;

/// Calls of one process that wait for munged at once. It has two threads, and a short queue beyond which it answers nobody.
const CALLS_AT_ONCE_MAX: usize = 32;

const LIBRARY: &str = "libmunge.so.2";
const OPT_CIPHER: c_int = 0;
const OPT_SOCKET: c_int = 8;
const OPT_READER_UID: c_int = 9; // MUNGE_OPT_UID_RESTRICTION
const CIPHER_AES256: c_int = 5;
const SUCCESS: c_int = 0;
const SOCKET_ERRORS: [c_int; 2] = [6, 7]; // EMUNGE_SOCKET, EMUNGE_TIMEOUT
const CRED_EXPIRED: c_int = 15;
const CRED_REWOUND: c_int = 16;
const CRED_REPLAYED: c_int = 17;

type Encode = unsafe extern "C" fn(*mut *mut c_char, *mut c_void, *const c_void, c_int) -> c_int;
type Decode =
    unsafe extern "C" fn(*const c_char, *mut c_void, *mut *mut c_void, *mut c_int, *mut u32, *mut u32) -> c_int;
type CtxCreate = unsafe extern "C" fn() -> *mut c_void;
type CtxDestroy = unsafe extern "C" fn(*mut c_void);
type CtxSet = unsafe extern "C" fn(*mut c_void, c_int, ...) -> c_int;
type StrError = unsafe extern "C" fn(c_int) -> *const c_char;
type Free = unsafe extern "C" fn(*mut c_void);

/// Talks to the munged of this host.
pub struct Munge {
    functions: OnceLock<Result<Functions, CredentialError>>,
    socket: Option<CString>,
    socket_path: Option<PathBuf>,
    turns: Semaphore,
    /// One of a command: it is alone on its thread, and in a hurry.
    of_command: bool,
}

impl Munge {
    /// For a daemon: loads libmunge. `socket`: of `AuthInfo=socket=`; none is munge's default.
    ///
    /// # Errors
    /// [`CredentialError::Unavailable`] when the library cannot be loaded.
    pub fn load(socket: Option<&Path>) -> Result<Self, CredentialError> {
        let munge = Self::new(socket, false);
        munge.functions()?;
        Ok(munge)
    }

    /// For a command, which seals once or twice and ends: nothing is loaded before it is needed, and no thread started.
    pub fn for_command(socket: Option<&Path>) -> Self {
        Self::new(socket, true)
    }

    fn new(socket: Option<&Path>, of_command: bool) -> Self {
        Self {
            functions: OnceLock::new(),
            socket: socket.and_then(|path| CString::new(path.as_os_str().as_encoded_bytes()).ok()),
            socket_path: socket.map(Path::to_owned),
            turns: Semaphore::new(CALLS_AT_ONCE_MAX),
            of_command,
        }
    }

    fn functions(&self) -> Result<&Functions, CredentialError> {
        self.functions.get_or_init(Functions::load).as_ref().map_err(Clone::clone)
    }

    /// Runs `work` with a context of its own: contexts are not shared between threads.
    fn with_context<T>(
        &self,
        work: impl FnOnce(&Functions, *mut c_void) -> Result<T, CredentialError>,
    ) -> Result<T, CredentialError> {
        let functions = self.functions()?;
        // SAFETY: create has no preconditions; null is refused by every later call with an error, not a crash. The
        // socket string outlives the context.
        unsafe {
            let context = (functions.create)();
            if let Some(socket) = &self.socket {
                (functions.set)(context, OPT_SOCKET, socket.as_ptr());
            }
            let done = work(functions, context);
            (functions.destroy)(context);
            done
        }
    }

    /// With AES-256 and for `reader` alone where there is one; else as munged is configured, for anybody.
    fn encode_by_library(&self, payload: &[u8], reader: Option<u32>) -> Result<Bytes, CredentialError> {
        let length =
            c_int::try_from(payload.len()).map_err(|_| CredentialError::Invalid("payload too large".into()))?;
        self.with_context(|functions, context| {
            if let Some(reader) = reader {
                // SAFETY: both options take a number of 32 bits, as munge_ctx_set documents.
                let kept = unsafe {
                    (functions.set)(context, OPT_CIPHER, CIPHER_AES256) == SUCCESS
                        && (functions.set)(context, OPT_READER_UID, reader) == SUCCESS
                };
                if !kept {
                    return Err(CredentialError::Unavailable("munge cannot keep a secret here".into()));
                }
            }
            let mut credential = ptr::null_mut::<c_char>();
            // SAFETY: `payload` has `length` bytes; on success `credential` is a malloc'd C string, freed here once.
            unsafe {
                let code = (functions.encode)(&mut credential, context, payload.as_ptr().cast(), length);
                if code != SUCCESS || credential.is_null() {
                    return Err(self.error(functions, code));
                }
                let bytes = Bytes::copy_from_slice(CStr::from_ptr(credential).to_bytes());
                (functions.free)(credential.cast());
                Ok(bytes)
            }
        })
    }

    fn decode_in(
        &self,
        functions: &Functions,
        context: *mut c_void,
        credential: &CStr,
    ) -> Result<(Vec<u8>, u32, u32), CredentialError> {
        let (mut data, mut length, mut uid, mut gid) = (ptr::null_mut::<c_void>(), 0, u32::MAX, u32::MAX);
        // SAFETY: all pointers are to live variables; on return `data` is null or a malloc'd block of `length` bytes,
        // also with some errors (a replayed credential is still decoded), and is freed here once.
        unsafe {
            let code = (functions.decode)(credential.as_ptr(), context, &mut data, &mut length, &mut uid, &mut gid);
            let payload = if data.is_null() {
                Vec::new()
            } else {
                let length = usize::try_from(length).unwrap_or(0);
                let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length).to_vec();
                (functions.free)(data);
                bytes
            };
            if code == SUCCESS { Ok((payload, uid, gid)) } else { Err(self.error(functions, code)) }
        }
    }

    fn error(&self, functions: &Functions, code: c_int) -> CredentialError {
        // SAFETY: munge_strerror returns a static string for every number.
        let text = unsafe { CStr::from_ptr((functions.strerror)(code)) }.to_string_lossy().into_owned();
        match code {
            CRED_REPLAYED => CredentialError::Replayed,
            CRED_EXPIRED | CRED_REWOUND => CredentialError::Expired,
            code if SOCKET_ERRORS.contains(&code) => {
                let at = self.socket_path.as_ref().map_or(String::new(), |path| format!(" at {}", path.display()));
                CredentialError::Unavailable(format!("munged{at}: {text} (is munged running?)"))
            }
            _ => CredentialError::Invalid(text),
        }
    }
}

impl Credentials for Munge {
    fn wrap(&self, payload: &[u8]) -> Result<Bytes, CredentialError> {
        let socket = self.socket_path.as_deref().unwrap_or(Path::new(munged::USUAL_SOCKET));
        match self.of_command.then(|| munged::encode(socket, payload)).flatten() {
            Some(credential) => Ok(credential),
            None => self.encode_by_library(payload, None),
        }
    }

    fn wrap_for(&self, payload: &[u8], reader: u32) -> Result<Bytes, CredentialError> {
        self.encode_by_library(payload, Some(reader))
    }

    fn unwrap(&self, credential: &[u8]) -> Result<(Vec<u8>, u32, u32), CredentialError> {
        let credential = CString::new(credential).map_err(|_| CredentialError::Invalid("a NUL byte inside".into()))?;
        self.with_context(|functions, context| self.decode_in(functions, context, &credential))
    }

    fn blocks(&self) -> bool {
        !self.of_command
    }

    fn turns(&self) -> Option<&Semaphore> {
        Some(&self.turns)
    }

    fn name(&self) -> &'static str {
        "auth/munge"
    }
}

/// What is used of the library.
struct Functions {
    // The functions below live in it.
    _library: Library,
    encode: Encode,
    decode: Decode,
    create: CtxCreate,
    destroy: CtxDestroy,
    set: CtxSet,
    strerror: StrError,
    free: Free,
}

impl Functions {
    fn load() -> Result<Self, CredentialError> {
        let unavailable = |e: libloading::Error| {
            CredentialError::Unavailable(format!("cannot load {LIBRARY}: {e} (install the package libmunge2)"))
        };
        // SAFETY: libmunge's and libc's initialisers have no preconditions; each symbol has the type of munge.h.
        unsafe {
            let library = Library::new(LIBRARY).map_err(unavailable)?;
            let libc: Library = libloading::os::unix::Library::this().into();
            Ok(Self {
                encode: *library.get::<Encode>(b"munge_encode\0").map_err(unavailable)?,
                decode: *library.get::<Decode>(b"munge_decode\0").map_err(unavailable)?,
                create: *library.get::<CtxCreate>(b"munge_ctx_create\0").map_err(unavailable)?,
                destroy: *library.get::<CtxDestroy>(b"munge_ctx_destroy\0").map_err(unavailable)?,
                set: *library.get::<CtxSet>(b"munge_ctx_set\0").map_err(unavailable)?,
                strerror: *library.get::<StrError>(b"munge_strerror\0").map_err(unavailable)?,
                free: *libc.get::<Free>(b"free\0").map_err(unavailable)?,
                _library: library,
            })
        }
    }
}
