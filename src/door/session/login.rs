//! Who speaks, and which version of the protocol: `AUTH` and `HELLO`.

use super::{Flow, Session, Turn};
use crate::door::answers;
use crate::door::protocol::Words;

/// Wrong passwords after which a connection is closed.
const MOST_FAILED_LOGINS: u32 = 3;

impl Session {
    pub(super) fn auth(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let (user, password) = match words.as_slice() {
            [_, _] if self.shared.users.is_empty() => {
                return self.fail(
                    turn,
                    "ERR AUTH <password> called without any password configured for the default \
                     user. Are you sure your configuration is correct?",
                );
            }
            [_, password] => (&b"default"[..], password),
            [_, user, password] => (user.as_ref(), password),
            _ => return self.fail(turn, "ERR syntax error"),
        };
        match self.authenticate(user, password) {
            true => {
                turn.replies.ok();
                Flow::GoOn
            }
            false => self.turn_down(turn),
        }
    }

    fn turn_down(&self, turn: &mut Turn) -> Flow {
        turn.replies.error(answers::WRONG_PASSWORD.as_bytes());
        if self.failed_logins >= MOST_FAILED_LOGINS { Flow::Close } else { Flow::GoOn }
    }

    /// Where nobody needs to log in, whoever names nobody in particular is taken for anybody.
    fn authenticate(&mut self, user: &[u8], password: &[u8]) -> bool {
        if self.shared.users.is_empty() {
            return user == b"default";
        }
        match self.shared.users.find(user, password) {
            Some(user) => {
                self.user = Some(Some(user));
                true
            }
            None => {
                self.failed_logins += 1;
                let user = user.escape_ascii().to_string();
                self.shared.refused("password", &self.address, &user);
                false
            }
        }
    }

    pub(super) fn hello(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let resp3 = match words.get(1).map(|word| str::from_utf8(word).map(str::parse::<i64>)) {
            None => self.resp3,
            Some(Ok(Ok(2))) => false,
            Some(Ok(Ok(3))) => true,
            Some(Ok(Ok(_))) => return self.fail(turn, "NOPROTO unsupported protocol version"),
            Some(_) => {
                return self.fail(turn, "ERR Protocol version is not an integer or out of range");
            }
        };
        let (mut login, mut name) = (None, None);
        let mut at = 2;
        while let Some(option) = words.get(at) {
            match option.to_ascii_uppercase().as_slice() {
                b"AUTH" if at + 2 < words.len() => {
                    login = Some((&words[at + 1], &words[at + 2]));
                    at += 3;
                }
                b"SETNAME" if at + 1 < words.len() => {
                    name = Some(&words[at + 1]);
                    at += 2;
                }
                _ => {
                    let option = option.escape_ascii();
                    return self
                        .fail(turn, &format!("ERR Syntax error in HELLO option '{option}'"));
                }
            }
        }
        if let Some((user, password)) = login
            && !self.authenticate(user, password)
        {
            return self.turn_down(turn);
        }
        if !self.is_logged_in() {
            return self.fail(turn, answers::HELLO_WITHOUT_LOGIN);
        }
        if let Some(name) = name {
            match answers::client_name(name) {
                Some(name) => self.name = name,
                None => return self.fail(turn, answers::BAD_NAME),
            }
        }
        self.resp3 = resp3;
        turn.replies.resp3 = resp3;
        answers::hello(self.id, &mut turn.replies);
        Flow::GoOn
    }
}
