# redis-rb: the checks of python/checks.py in the words of Ruby's client.

require 'json'
require 'redis'

LIST, STREAM, CLIENT = ENV.values_at('DOOR_LIST', 'DOOR_STREAM', 'DOOR_CLIENT')
USER, PASSWORD = ENV.values_at('DOOR_USER', 'DOOR_PASSWORD')
NAME = 'door-check'.freeze
# "default" takes any password where none is set, so a wrong one needs a user.
WRONG_LOGIN = { username: USER || (PASSWORD ? nil : 'nobody'), password: 'wrong' }.freeze

$sent = { list_events: 0, stream_events: 0 }
$sum = 0
$checks = 0
$last = 'the start'

def following(kind = :list_events)
  $sent[kind] += 1
  value = $sent.values.sum
  $sum += value
  { name: 'door_client_total', value: value, labels: { client: CLIENT } }
end

def event(kind = :list_events)
  JSON.generate(following(kind))
end

# An array that no single read of a socket brings.
def large
  events = []
  100.times { events.push(following) } while JSON.generate(events).length < 100_000
  JSON.generate(events)
end

def check(name, fine, found, expected)
  $checks += 1
  abort("#{name}: found #{found.inspect}, expected #{expected}") unless fine
  $last = name
end

def lengths(name, found, count)
  fine = found.length == count && found.all? { |length| length.is_a?(Integer) && length >= 1 }
  check(name, fine, found, "#{count} integers of at least 1")
end

def ids(name, found)
  fine = found.all? { |id| id.is_a?(String) && id.match?(/\A\d+-\d+\z/) }
  numbers = fine ? found.map { |id| id.split('-').map(&:to_i) } : []
  rise = numbers.each_cons(2).all? { |one, other| (one <=> other).negative? }
  check(name, fine && rise, found, 'ids as digits-digits that rise')
end

def refused(name, word)
  found = yield
  check(name, false, found, "an error with #{word}")
rescue Redis::BaseError => e
  check(name, e.message.include?(word), e.message, "an error with #{word}")
end

def connect(**options)
  address = { host: ENV['DOOR_HOST'], port: ENV['DOOR_PORT'].to_i, id: NAME }
  Redis.new(**address, username: USER, password: PASSWORD, **options)
end

def check_all
  redis = connect
  found = redis.ping
  check('PING', found == 'PONG', found, 'PONG')
  found = redis.call(%w[CLIENT GETNAME])
  check('client name', found == NAME, found, NAME)
  lengths('LPUSH', [redis.lpush(LIST, event)], 1)
  lengths('RPUSH of several', [redis.rpush(LIST, Array.new(3) { event })], 1)
  added = Array.new(3) { redis.xadd(STREAM, { event: event(:stream_events) }) }
  added << redis.xadd(STREAM, { event: event(:stream_events) }, maxlen: 100_000, approximate: true)
  ids('XADD', added)
  lengths('pipeline', redis.pipelined { |pipeline| 100.times { pipeline.lpush(LIST, event) } }, 100)
  both = redis.multi do |transaction|
    transaction.lpush(LIST, event)
    transaction.xadd(STREAM, { event: event(:stream_events) })
  end
  check('transaction', both.is_a?(Array) && both.length == 2, both, 'two replies')
  lengths('LPUSH in a transaction', both.take(1), 1)
  ids('XADD in a transaction', [added.last, both.last])
  lengths('100 kB', [redis.lpush(LIST, large)], 1)
  many = Array.new(32) { connect.tap(&:ping) }
  lengths('connections at once', many.map { |other| other.lpush(LIST, event) }, 32)
  lengths('LPUSH after SELECT 3', [connect(db: 3).lpush(LIST, event)], 1)
  refused('wrong password', 'WRONGPASS') { connect(**WRONG_LOGIN).ping }
  refused('foreign key', 'NOPERM') { redis.lpush('another:queue', '{}') } if ENV['DOOR'] == '1'
end

begin
  check_all
rescue Redis::BaseError => e
  abort("behind #{$last}: found #{e.message}, expected no error")
end
puts JSON.generate({ client: CLIENT, version: Redis::VERSION, checks: $checks, **$sent, sum: $sum })
