<?php
// What is checked of a client, the same list for each in PHP; python/checks.py says what it is
// good for.
//
// A client is an object that a function makes of options, connected, with the calls used below.

const NAME = 'door-check';

final class Events
{
    public array $sent = ['list_events' => 0, 'stream_events' => 0];
    public int $sum = 0;

    public function one(string $kind = 'list_events'): string
    {
        return json_encode($this->next($kind));
    }

    public function several(int $count): array
    {
        return array_map(fn () => $this->one(), range(1, $count));
    }

    // An array that no single read of a socket brings.
    public function large(): string
    {
        $events = [];
        while (strlen($text = json_encode($events)) < 100_000) {
            $more = array_map(fn () => $this->next('list_events'), range(1, 100));
            $events = [...$events, ...$more];
        }
        return $text;
    }

    private function next(string $kind): array
    {
        $this->sent[$kind] += 1;
        $value = array_sum($this->sent);
        $this->sum += $value;
        $labels = ['client' => getenv('DOOR_CLIENT')];
        return ['name' => 'door_client_total', 'value' => $value, 'labels' => $labels];
    }
}

final class Checks
{
    public int $count = 0;
    private string $last = 'the start';

    public function that(string $check, bool $fine, mixed $found, string $expected): void
    {
        $this->count += 1;
        if (!$fine) {
            $this->fail("$check: found " . json_encode($found) . ", expected $expected");
        }
        $this->last = $check;
    }

    // An exception that no check expects is told with its place.
    public function unexpected(Throwable $error): never
    {
        $this->fail("behind $this->last: found {$error->getMessage()}, expected no exception");
    }

    private function fail(string $message): never
    {
        fwrite(STDERR, "$message\n");
        exit(1);
    }

    public function lengths(string $check, mixed $found, int $count): void
    {
        $fine = is_array($found) && count($found) === $count;
        foreach ($fine ? $found : [] as $length) {
            $fine = $fine && is_int($length) && $length >= 1;
        }
        $this->that($check, $fine, $found, "$count integers of at least 1");
    }

    public function ids(string $check, array $found): void
    {
        $fine = true;
        $last = [-1, -1];
        foreach ($found as $id) {
            $fine = $fine && is_string($id) && preg_match('/^\d+-\d+$/', $id) === 1;
            $parts = $fine ? array_map('intval', explode('-', $id)) : $last;
            $fine = $fine && $parts > $last;
            $last = $parts;
        }
        $this->that($check, $fine, $found, 'ids as digits-digits that rise');
    }

    public function refused(string $check, string $word, callable $call): void
    {
        try {
            $found = $call();
            $fine = false;
        } catch (Exception $error) {
            $found = $error->getMessage();
            $fine = str_contains($found, $word);
        }
        $this->that($check, $fine, $found, "an exception with $word");
    }
}

// `more` are checks of one client alone.
function run(callable $open, string $version, ?callable $more = null): void
{
    $list = getenv('DOOR_LIST');
    $stream = getenv('DOOR_STREAM');
    $user = getenv('DOOR_USER') ?: null;
    $password = getenv('DOOR_PASSWORD') ?: null;
    $address = ['host' => getenv('DOOR_HOST'), 'port' => (int) getenv('DOOR_PORT'), 'database' => 0];
    $login = ['user' => $user, 'password' => $password];
    $connect = fn (array $options = []) => $open([...$address, ...$login, ...$options]);
    $events = new Events();
    $checks = new Checks();
    set_exception_handler([$checks, 'unexpected']);

    $client = $connect();
    $checks->that('PING', $client->ping(), false, 'PONG');
    $found = $client->name(NAME);
    $checks->that('client name', $found === NAME, $found, NAME);
    $checks->lengths('LPUSH', [$client->lpush($list, $events->one())], 1);
    $checks->lengths('RPUSH of several', [$client->rpush($list, $events->several(3))], 1);
    $ids = array_map(fn () => $client->xadd($stream, $events->one('stream_events'), null), range(1, 3));
    $ids[] = $client->xadd($stream, $events->one('stream_events'), 100_000);
    $checks->ids('XADD', $ids);
    $checks->lengths('pipeline', $client->pipeline($list, $events->several(100)), 100);
    $found = $client->transaction($list, $events->one(), $stream, $events->one('stream_events'));
    $checks->that('transaction', is_array($found) && count($found) === 2, $found, 'two replies');
    $checks->lengths('LPUSH in a transaction', [$found[0]], 1);
    $checks->ids('XADD in a transaction', [end($ids), $found[1]]);
    $checks->lengths('100 kB', [$client->lpush($list, $events->large())], 1);
    $many = array_map(fn () => $connect(), range(1, 32));
    $push = fn ($client) => $client->lpush($list, $events->one());
    $checks->lengths('connections at once', array_map($push, $many), 32);
    if ($more) {
        $more($connect, $checks, $events);
    }
    $checks->lengths('LPUSH after SELECT 3', [$push($connect(['database' => 3]))], 1);

    // "default" takes any password where none is set, so a wrong one needs a user.
    $wrong = ['user' => $user ?? ($password ? null : 'nobody'), 'password' => 'wrong'];
    $checks->refused('wrong password', 'WRONGPASS', fn () => $connect($wrong));
    if (getenv('DOOR') === '1') {
        $checks->refused('foreign key', 'NOPERM', fn () => $client->lpush('another:queue', '{}'));
    }
    $report = ['client' => getenv('DOOR_CLIENT'), 'version' => $version, 'checks' => $checks->count];
    echo json_encode([...$report, ...$events->sent, 'sum' => $events->sum]), "\n";
}
