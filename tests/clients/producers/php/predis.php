<?php
// Predis, in PHP alone. Version 1 has no call for XADD, so programs send it by its name.

require 'Predis/Autoloader.php';
require __DIR__ . '/checks.php';

use Predis\Command\RawCommand;

Predis\Autoloader::register();

final class PredisClient
{
    private Predis\Client $redis;

    public function __construct(array $options)
    {
        $address = ['host' => $options['host'], 'port' => $options['port']];
        // What is null is not sent.
        $login = ['username' => $options['user'], 'password' => $options['password']];
        $this->redis = new Predis\Client([...$address, ...$login, 'database' => $options['database']]);
        $this->redis->connect();
    }

    public function ping(): bool
    {
        return (string) $this->redis->ping() === 'PONG';
    }

    public function name(string $name): mixed
    {
        $this->redis->client('setname', $name);
        return $this->redis->client('getname');
    }

    public function lpush(string $key, string $event): mixed
    {
        return $this->redis->lpush($key, [$event]);
    }

    public function rpush(string $key, array $events): mixed
    {
        return $this->redis->rpush($key, $events);
    }

    public function xadd(string $key, string $event, ?int $maxlen): mixed
    {
        $trimmed = $maxlen === null ? [] : ['MAXLEN', '~', $maxlen];
        $add = new RawCommand(['XADD', $key, ...$trimmed, '*', 'event', $event]);
        return $this->redis->executeCommand($add);
    }

    public function pipeline(string $key, array $events): mixed
    {
        $pipeline = $this->redis->pipeline();
        foreach ($events as $event) {
            $pipeline->lpush($key, [$event]);
        }
        return $pipeline->execute();
    }

    public function transaction(string $list, string $listed, string $stream, string $added): mixed
    {
        $pipeline = $this->redis->pipeline(['atomic' => true]);
        $pipeline->lpush($list, [$listed]);
        $pipeline->executeCommand(new RawCommand(['XADD', $stream, '*', 'event', $added]));
        return $pipeline->execute();
    }
}

run(fn (array $options) => new PredisClient($options), Predis\Client::VERSION);
