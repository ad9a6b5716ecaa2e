//! How fast a file is read: rows per second.
use std::io::Write;
use std::time::Instant;

use futures::StreamExt;
use rowbill_connector::Source;
use rowbill_csv::{CsvConfig, CsvSource};

#[tokio::main]
async fn main() {
    let path = std::env::temp_dir().join("rowbill-speed.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    writeln!(file, "id,email,name,total,note").unwrap();
    for id in 0..2_000_000 {
        writeln!(file, "{id},user{id}@example.org,\"Name, {id}\",{}.99,", id % 1000).unwrap();
    }
    drop(file);
    let config = CsvConfig { path: path.clone(), display: "speed".into(), delimiter: None, encoding: None };
    let source = CsvSource::new(config).unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let mut rows = 0;
        let mut batches = source.read().await.unwrap().batches;
        while let Some(batch) = batches.next().await {
            rows += batch.unwrap().len();
        }
        println!("{rows} rows in {:?}", start.elapsed());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    let start = Instant::now();
    let layout = rowbill_connector::Layout { key: vec![], columns: vec!["Status".into()] };
    source.write_back(&layout, futures::stream::empty().boxed()).await.unwrap();
    println!("written back in {:?}", start.elapsed());
    std::fs::remove_file(path).unwrap();
}
