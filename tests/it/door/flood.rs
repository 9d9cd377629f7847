//! What is too much, too slow or something else: it costs nobody else anything.

use super::*;
use crate::harness::turn;

#[test]
fn a_pipeline_that_is_sent_before_anything_is_read() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.start();
    const COUNT: usize = 100_000;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let event = event("p_total", 1);
    let command = format!(
        "*3\r\n$5\r\nLPUSH\r\n${}\r\n{LIST}\r\n${}\r\n{event}\r\n",
        LIST.len(),
        event.len()
    );
    stream.write_all(command.repeat(COUNT).as_bytes()).expect("all of it is taken");
    let mut answers = 0;
    let mut buffer = [0; 65536];
    while answers < COUNT {
        let read = stream.read(&mut buffer).expect("answers");
        assert!(read > 0, "{answers} answers");
        answers += buffer[..read].iter().filter(|byte| **byte == b':').count();
    }
    gateway.wait_value("p_total", &[], COUNT as f64);
}

#[test]
fn many_idle_connections_and_half_commands() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.start();
    let before = gateway.page().value("process_resident_memory_bytes", &[]).unwrap_or(0.0);
    const COUNT: usize = 2000;
    let idle: Vec<_> = (0..COUNT)
        .map(|number| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
            if number % 2 == 0 {
                stream.write_all(b"*3\r\n$5\r\nLPU").expect("half a command");
            }
            stream
        })
        .collect();
    run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("i_total", 1)]);
    gateway.wait_value("i_total", &[], 1.0);
    let text = gateway.get("/-/metrics").expect("an answer").body;
    let own = crate::harness::Page::parse(&text).expect("a page");
    let connections = own.value("prom_stream_gateway_redis_listener_connections", &[]);
    assert!(connections >= Some(COUNT as f64), "{connections:?}");
    let after = own.value("process_resident_memory_bytes", &[]).unwrap_or(0.0);
    let each = (after - before.max(1.0)) / COUNT as f64;
    assert!(before == 0.0 || each <= 32_768.0, "{each} bytes a connection");
    drop(idle);
}

#[test]
fn beyond_the_limit_of_connections_it_is_said() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.set("Redis__ListenMaxConnections", "2").start();
    let _taken = [connect(port), connect(port)];
    assert_eq!(say(port, b""), "-ERR max number of clients reached\r\n");
    drop(gateway);
}

#[test]
fn what_speaks_something_else_is_closed_without_an_answer() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.start();
    let form = format!("POST / HTTP/1.1\r\nHost: x\r\n\r\nLPUSH {LIST} x\r\n");
    assert_eq!(say(port, form.as_bytes()), "");
    assert_eq!(say(port, b"\x16\x03\x01\x02\x00\x01"), "");
    let get = say(port, b"GET / HTTP/1.1\r\nHost: x\r\nPING\r\n\r\n");
    assert!(get.starts_with("-ERR wrong number of arguments for 'get'"), "{get}");
    assert!(!get.contains("PONG"), "{get}");
    assert!(say(port, b"*1\r\n:1\r\n").starts_with("-ERR Protocol error: expected '$', got ':'"));
    // A reset would have destroyed the answer.
    let refused = say(port, &[b"*1\r\n$9000000\r\n".as_slice(), &vec![b'x'; 9_000_000]].concat());
    assert_eq!(refused, "-ERR Protocol error: invalid bulk length\r\n");
    let log = gateway.log();
    assert!(log.contains("\"reason\":\"http\"") && log.contains("\"reason\":\"tls\""), "{log}");
}
