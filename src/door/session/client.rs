//! What clients say of themselves, and the channels they listen to, in which nothing is ever said.

use super::{Flow, ReplyMode, Session, Turn};
use crate::door::answers;
use crate::door::protocol::Words;

impl Session {
    pub(super) fn client(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let subcommand = words[1].to_ascii_uppercase();
        let argument = words.get(2);
        match (subcommand.as_slice(), argument) {
            (b"SETNAME", Some(name)) => match answers::client_name(name) {
                Some(name) => {
                    self.name = name;
                    turn.replies.ok();
                }
                None => return self.fail(turn, answers::BAD_NAME),
            },
            (b"SETINFO", Some(attribute)) if words.len() == 4 => {
                let at = match attribute.to_ascii_uppercase().as_slice() {
                    b"LIB-NAME" => 0,
                    b"LIB-VER" => 1,
                    _ => {
                        let attribute = attribute.escape_ascii();
                        return self.fail(turn, &format!("ERR Unrecognized option '{attribute}'"));
                    }
                };
                match answers::client_name(&words[3]) {
                    Some(text) => {
                        self.library[at] = text;
                        turn.replies.ok();
                    }
                    None => {
                        return self.fail(
                            turn,
                            "ERR lib-name and lib-ver cannot contain spaces, newlines or special \
                             characters.",
                        );
                    }
                }
            }
            (b"NO-EVICT" | b"NO-TOUCH" | b"TRACKING" | b"CACHING", Some(_)) => turn.replies.ok(),
            (b"GETNAME", None) if self.name.is_empty() => turn.replies.null(),
            (b"GETNAME", None) => turn.replies.bulk(self.name.as_bytes()),
            (b"ID", None) => turn.replies.integer(self.id as i64),
            (b"INFO", None) | (b"LIST", _) => {
                let user = match self.user {
                    Some(Some(user)) => self.shared.users.name(user),
                    _ => "default",
                };
                turn.replies.bulk(answers::client_info(self, user).as_bytes());
            }
            (b"REPLY", Some(mode)) => {
                self.reply_mode = match mode.to_ascii_uppercase().as_slice() {
                    b"ON" => ReplyMode::On,
                    b"OFF" => ReplyMode::Off,
                    b"SKIP" if self.reply_mode == ReplyMode::Off => ReplyMode::Off,
                    b"SKIP" => ReplyMode::Skip,
                    _ => return self.fail(turn, "ERR syntax error"),
                };
                if self.reply_mode == ReplyMode::On {
                    turn.replies.ok();
                }
            }
            (
                b"SETNAME" | b"SETINFO" | b"GETNAME" | b"ID" | b"INFO" | b"REPLY" | b"TRACKING",
                _,
            ) => {
                let name = [b"client|".as_slice(), &subcommand].concat();
                return self.fail(turn, &answers::wrong_arity(&name));
            }
            _ => return self.fail_bytes(turn, &answers::unknown_subcommand("CLIENT", &words[1])),
        }
        Flow::GoOn
    }

    pub(super) fn subscribe(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) {
        let subscribes = matches!(name, b"SUBSCRIBE" | b"PSUBSCRIBE");
        let kind = name.to_ascii_lowercase();
        let named: Vec<Vec<u8>> = words[1..].iter().map(|channel| channel.to_vec()).collect();
        let channels = match named.is_empty() {
            true => self.channels.clone(),
            false => named,
        };
        if channels.is_empty() {
            turn.replies.push(3);
            turn.replies.bulk(&kind);
            turn.replies.null();
            turn.replies.integer(0);
        }
        for channel in channels {
            self.channels.retain(|one| *one != channel);
            turn.replies.push(3);
            turn.replies.bulk(&kind);
            turn.replies.bulk(&channel);
            if subscribes {
                self.channels.push(channel);
            }
            turn.replies.integer(self.channels.len() as i64);
        }
    }
}
