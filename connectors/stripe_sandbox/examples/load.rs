//! Creates N customers over C connections: `cargo run --release -p rowbill-stripe-sandbox --example load ADDR N C`.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [addr, count, connections] = arguments.as_slice() else { panic!("ADDR N C") };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let (count, connections) = (number(count), number(connections));
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|first| tokio::spawn(send(addr.clone(), (first..count).step_by(connections).collect())))
        .collect();
    for task in tasks {
        task.await.expect("no panic")?;
    }
    let ms = start.elapsed().as_millis().max(1);
    println!("{count} requests in {ms} ms: {} per second", count as u128 * 1000 / ms);
    Ok(())
}

async fn send(addr: String, rows: Vec<usize>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&addr).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    for row in rows {
        let body = format!(
            "email=row{row}%40example.org&name=Row+{row}&metadata[crm_id]={row}&metadata[rowbill_op]=abcdefghijklm{row:013}"
        );
        let head = format!(
            "POST /v1/customers HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer sk_test_load\r\nidempotency-key: \
             rowbill-1-abcdefghijklm{row:013}-1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        // An answer is far smaller than the buffer and comes in one piece.
        let read = stream.read(&mut buffer).await?;
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
    }
    Ok(())
}
