//! The same words to the gateway and to a real Redis must have the same answers.

use super::*;
use crate::harness::{RedisServer, turn};

/// What is said on a connection of its own; both know the keys of events.
const CONVERSATIONS: [&str; 24] = [
    "PING\r\nPING a\r\nping\r\nECHO \"a\\x00b\"\r\n",
    "SELECT 3\r\nSELECT 99\r\nSELECT -1\r\nSELECT abc\r\n",
    "CLIENT SETNAME me\r\nCLIENT GETNAME\r\nCLIENT SETNAME \"a b\"\r\nCLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n",
    "FOO bar baz\r\nFOO\r\nCLIENT FOO\r\nLPUSH\r\nLLEN a b\r\nECHO\r\n",
    "AUTH x\r\nAUTH default x\r\nAUTH u x\r\nAUTH a b c\r\n",
    "HELLO 4\r\nHELLO x\r\nHELLO 3 FOO\r\n",
    "EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nWATCH a\r\nPING\r\nEXEC\r\n",
    "MULTI\r\nFOO\r\nPING\r\nEXEC\r\nPING\r\n",
    "MULTI\r\nDISCARD\r\nWATCH a\r\nUNWATCH\r\n",
    "MULTI\r\nLPUSH STREAM a\r\nPING\r\nEXEC\r\n",
    "LPUSH STREAM a\r\nXADD LIST * a b\r\nLLEN STREAM\r\nXLEN LIST\r\nTYPE LIST\r\nTYPE STREAM\r\nEXISTS LIST STREAM\r\n",
    "XADD STREAM 0-0 a b\r\nXADD STREAM 1 a b\r\nXADD STREAM x a b\r\nXADD STREAM 1-2-3 a b\r\n",
    "XADD STREAM * a\r\nXADD STREAM *\r\nXADD STREAM MAXLEN -1 * a b\r\nXADD STREAM MAXLEN x * a b\r\n",
    "XADD STREAM LIMIT 1 * a b\r\nXADD STREAM MAXLEN 1 LIMIT 1 * a b\r\nXADD STREAM MAXLEN 1 MINID 1 * a b\r\n",
    "XADD STREAM 99999999999999-1 a b\r\nXADD STREAM 99999999999999-1 a b\r\nXADD STREAM 99999999999999-* a b\r\n",
    "SUBSCRIBE a b\r\nPING\r\nLLEN LIST\r\nUNSUBSCRIBE a\r\nUNSUBSCRIBE\r\nPING\r\n",
    "CLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n",
    "WAIT 0 0\r\nROLE\r\nCLUSTER NODES\r\nREADONLY\r\nGET nothing\r\n",
    "RESET\r\nPING\r\nQUIT\r\nPING\r\n",
    "\r\n*0\r\n*-1\r\nPING\r\n",
    "*1\r\n$-1\r\n",
    "*x\r\n",
    "PING \"a\r\n",
    "CONFIG GET save\r\nCONFIG GET nothing\r\nCONFIG FOO\r\n",
];

#[test]
fn are_those_of_redis() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&["--save", "", "--appendonly", "yes"]);
    let (gateway, port) = door();
    let _gateway = gateway.start();
    redis.run::<u64>(&["LPUSH", LIST, "{}"]);
    redis.run::<String>(&["XADD", STREAM, "*", "e", "{}"]);
    run::<String>(&mut connect(port), &["XADD", STREAM, "*", "e", "{}"]);
    let version: String = redis.run(&["INFO", "server"]);
    let is_7 = version.contains("redis_version:7.0");
    if !is_7 {
        return;
    }
    for conversation in CONVERSATIONS {
        // Both close then.
        let conversation = format!("{conversation}QUIT\r\n");
        let words = conversation.replace("STREAM", STREAM).replace("LIST", LIST);
        let (ours, theirs) = (say(port, words.as_bytes()), say(redis.port(), words.as_bytes()));
        // Of that only the count differs: nothing stays in a list here.
        let comparable = |text: &str| match conversation.contains("ROLE") {
            true => text.replace("*3\r\n$6\r\nmaster", "role master"),
            false => text.to_owned(),
        };
        assert_eq!(comparable(&ours), comparable(&theirs), "{conversation:?}");
    }
}
