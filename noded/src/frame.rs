//! Length-prefixed protobuf frames on a byte stream: four bytes of length, big end first, then the message.

use std::io;

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest frame that is read, bytes.
pub const FRAME_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The next frame; nothing at the end of the stream.
///
/// # Errors
/// A frame that is too large, cut off, or not the message.
pub async fn read_frame<M: Message + Default>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<M>> {
    let mut length = [0u8; 4];
    if stream.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    M::decode(&bytes[..]).map(Some).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Writes one frame.
///
/// # Errors
/// The stream's.
pub async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), message: &impl Message) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    message.encode(&mut bytes).expect("a vector grows");
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::Resize;

    use super::*;

    #[tokio::test]
    async fn a_frame_keeps_its_bytes() {
        let resize = Resize { rows: 24, columns: 80 };
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &resize).await.unwrap();
        assert_eq!(bytes, [0, 0, 0, 4, 0x08, 24, 0x10, 80]);
        let mut stream = &bytes[..];
        assert_eq!(read_frame::<Resize>(&mut stream).await.unwrap(), Some(resize));
        assert_eq!(read_frame::<Resize>(&mut stream).await.unwrap(), None);
    }
}
