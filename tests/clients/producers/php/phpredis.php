<?php
// phpredis, the extension: each command of its transaction waits for `QUEUED`, and a connection
// that a pool kept is asked for an ECHO before it is used again.

require __DIR__ . '/checks.php';

final class PhpRedis
{
    private Redis $redis;

    public function __construct(array $options)
    {
        $this->redis = new Redis();
        $connect = isset($options['persistent']) ? 'pconnect' : 'connect';
        $this->redis->$connect($options['host'], $options['port']);
        if ($options['password'] !== null) {
            $user = $options['user'] === null ? [] : [$options['user']];
            $this->redis->auth([...$user, $options['password']]);
        }
        if ($options['database'] !== 0) {
            $this->redis->select($options['database']);
        }
    }

    public function ping(): bool
    {
        return $this->redis->ping();
    }

    public function name(string $name): mixed
    {
        $this->redis->client('setname', $name);
        return $this->redis->client('getname');
    }

    public function lpush(string $key, string $event): mixed
    {
        return $this->redis->lPush($key, $event);
    }

    public function rpush(string $key, array $events): mixed
    {
        return $this->redis->rPush($key, ...$events);
    }

    public function xadd(string $key, string $event, ?int $maxlen): mixed
    {
        $trimmed = $maxlen === null ? [] : [$maxlen, true];
        return $this->redis->xAdd($key, '*', ['event' => $event], ...$trimmed);
    }

    public function pipeline(string $key, array $events): mixed
    {
        $pipeline = $this->redis->multi(Redis::PIPELINE);
        foreach ($events as $event) {
            $pipeline->lPush($key, $event);
        }
        return $pipeline->exec();
    }

    public function transaction(string $list, string $listed, string $stream, string $added): mixed
    {
        $transaction = $this->redis->multi();
        $transaction->lPush($list, $listed);
        $transaction->xAdd($stream, '*', ['event' => $added]);
        return $transaction->exec();
    }

    public function close(): void
    {
        $this->redis->close();
    }
}

// Closing gives a persistent connection back, and the second client gets that one.
$pooled = function (callable $connect, Checks $checks, Events $events): void {
    $connect(['persistent' => true])->close();
    $found = $connect(['persistent' => true])->lpush(getenv('DOOR_LIST'), $events->one());
    $checks->lengths('LPUSH on a pooled connection', [$found], 1);
};

run(fn (array $options) => new PhpRedis($options), phpversion('redis'), $pooled);
