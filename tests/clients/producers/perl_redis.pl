# Perl's Redis: the checks of python/checks.py in the words of that client. A transaction of its
# own waits for each QUEUED; a pipeline is a call with a function that gets the reply.

use strict;
use warnings;
use JSON::PP;
use Redis;

my ($list, $stream, $client) = @ENV{qw(DOOR_LIST DOOR_STREAM DOOR_CLIENT)};
my ($user, $password) = @ENV{qw(DOOR_USER DOOR_PASSWORD)};
my $name = 'door-check';
my $json = JSON::PP->new->canonical;
my %sent = (list_events => 0, stream_events => 0);
my ($sum, $checks, $last) = (0, 0, 'the start');

sub following {
    my $kind = shift // 'list_events';
    $sent{$kind} += 1;
    my $value = $sent{list_events} + $sent{stream_events};
    $sum += $value;
    return { name => 'door_client_total', value => $value, labels => { client => $client } };
}

sub event { return $json->encode(following(@_)) }

# An array that no single read of a socket brings.
sub large {
    my @events;
    push @events, map { following() } 1 .. 100 while length $json->encode(\@events) < 100_000;
    return $json->encode(\@events);
}

sub check {
    my ($check, $fine, $found, $expected) = @_;
    $checks += 1;
    $fine or fail("$check: found " . $json->allow_nonref->encode($found) . ", expected $expected");
    $last = $check;
}

sub fail {
    print STDERR "$_[0]\n";
    exit 1;
}

# Perl does not tell an integer from text; the other clients do.
sub lengths {
    my ($check, $found, $count) = @_;
    my $fine = @$found == $count && !grep { !defined || !/^[1-9]\d*$/ } @$found;
    check($check, $fine, $found, "$count integers of at least 1");
}

sub ids {
    my ($check, $found) = @_;
    my ($fine, @last) = (1, -1, -1);
    for my $id (@$found) {
        my @parts = ($id // '') =~ /^(\d+)-(\d+)$/;
        $fine &&= @parts && ($parts[0] <=> $last[0] || $parts[1] <=> $last[1]) > 0;
        @last = @parts if $fine;
    }
    check($check, $fine, $found, 'ids as digits-digits that rise');
}

sub refused {
    my ($check, $word, $call) = @_;
    my $found = eval { $call->() };
    my $error = $@;
    check($check, index($error, $word) >= 0, $error || $found, "an error with $word");
}

sub connected {
    my %login = (username => $user, password => $password, @_);
    defined $login{$_} or delete $login{$_} for qw(username password);
    return Redis->new(server => "$ENV{DOOR_HOST}:$ENV{DOOR_PORT}", name => $name, %login);
}

sub check_all {
    my $redis = connected();
    my $found = $redis->ping;
    check('PING', $found eq 'PONG', $found, 'PONG');
    $found = $redis->client_getname;
    check('client name', $found eq $name, $found, $name);
    lengths('LPUSH', [$redis->lpush($list, event())], 1);
    lengths('RPUSH of several', [$redis->rpush($list, map { event() } 1 .. 3)], 1);
    my @added = map { scalar $redis->xadd($stream, '*', event => event('stream_events')) } 1 .. 3;
    push @added,
        scalar $redis->xadd($stream, qw(MAXLEN ~ 100000 *), event => event('stream_events'));
    ids('XADD', \@added);
    my @pipelined;
    $redis->lpush($list, event(), sub { push @pipelined, $_[0] }) for 1 .. 100;
    $redis->wait_all_responses;
    lengths('pipeline', \@pipelined, 100);
    $redis->multi;
    $redis->lpush($list, event());
    $redis->xadd($stream, '*', event => event('stream_events'));
    my @both = $redis->exec;
    check('transaction', @both == 2, \@both, 'two replies');
    lengths('LPUSH in a transaction', [$both[0]], 1);
    ids('XADD in a transaction', [$added[-1], $both[1]]);
    lengths('100 kB', [$redis->lpush($list, large())], 1);
    my @many = map { connected() } 1 .. 32;
    lengths('connections at once', [map { scalar $_->lpush($list, event()) } @many], 32);
    my $elsewhere = connected(on_connect => sub { $_[0]->select(3) });
    lengths('LPUSH after SELECT 3', [$elsewhere->lpush($list, event())], 1);

    # "default" takes any password where none is set, so a wrong one needs a user.
    my %wrong = (password => 'wrong');
    $wrong{username} = 'nobody' unless defined $password;
    refused('wrong password', 'WRONGPASS', sub { connected(%wrong)->ping });
    refused('foreign key', 'NOPERM', sub { $redis->lpush('another:queue', '{}') })
        if ($ENV{DOOR} // '') eq '1';
}

eval { check_all(); 1 } or fail("behind $last: found $@, expected no error");
my %report = (client => $client, version => "$Redis::VERSION", checks => $checks, sum => $sum);
print $json->encode({ %report, %sent }), "\n";
