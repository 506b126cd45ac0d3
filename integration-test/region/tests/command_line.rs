//! The program `region`, as the compose file and discovery's README start it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

#[test]
fn it_says_where_it_listens_and_answers_there() {
    let mut region = Command::new(env!("CARGO_BIN_EXE_region"))
        .args(["--listen", "127.0.0.1:0", "--task", "10.0.0.1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(region.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let (_, at) = line.split_once(" at ").unwrap();
    let (at, what) = at.split_once(": ").unwrap();
    assert_eq!(what, "1 task of the service orders in the cluster demo\n");

    let at: SocketAddr = at.parse().unwrap();
    let mut connection = TcpStream::connect(at).unwrap();
    write!(
        connection,
        "GET / HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();

    region.kill().unwrap();
    region.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
}

#[test]
fn without_a_task_it_says_what_is_missing() {
    let ended = Command::new(env!("CARGO_BIN_EXE_region")).output().unwrap();

    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("--task <ADDRESS>"), "{said}");
}
