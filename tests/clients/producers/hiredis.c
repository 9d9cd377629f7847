/* hiredis: the checks of python/checks.py in C. The library sends nothing by itself, so logging in,
 * SELECT and the name are the program's, as everywhere where it is used. */

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE_BYTES = 100000, EVENT_BYTES = 256, PIPELINED = 100, CONNECTIONS = 32 };

static const char *list, *stream, *client;
static long list_events, stream_events, checks;
static long long sum;
static unsigned long long last_ms, last_seq;

static void check(const char *name, int fine, const redisReply *found, const char *expected)
{
    checks++;
    if (fine)
        return;
    fprintf(stderr, "%s: found a reply of type %d, %lld %s, expected %s\n", name,
            found ? found->type : 0, found ? found->integer : 0,
            found && found->str ? found->str : "", expected);
    exit(1);
}

static void length(const char *name, const redisReply *found)
{
    int fine = found && found->type == REDIS_REPLY_INTEGER && found->integer >= 1;
    check(name, fine, found, "an integer of at least 1");
}

static void id(const char *name, const redisReply *found)
{
    unsigned long long ms = 0, seq = 0;
    char rest;
    int fine = found && found->type == REDIS_REPLY_STRING &&
               sscanf(found->str, "%llu-%llu%c", &ms, &seq, &rest) == 2 &&
               (ms > last_ms || (ms == last_ms && seq > last_seq));
    check(name, fine, found, "an id as digits-digits above the one before");
    last_ms = ms;
    last_seq = seq;
}

static void text(const char *name, const redisReply *found, int type, const char *expected)
{
    int fine = found && found->type == type && strcmp(found->str, expected) == 0;
    check(name, fine, found, expected);
}

static void refused(const char *name, const char *word, const redisReply *found)
{
    int fine = found && found->type == REDIS_REPLY_ERROR && strstr(found->str, word);
    check(name, fine, found, word);
}

/* The next event, behind `at`; where it ends. */
static char *append(char *at, long *kind)
{
    ++*kind;
    long value = list_events + stream_events;
    sum += value;
    return at + snprintf(at, EVENT_BYTES,
                         "{\"name\":\"door_client_total\",\"value\":%ld,\"labels\":{\"client\":\"%s\"}}",
                         value, client);
}

/* Of one buffer: a command is copied before the next event is made. */
static const char *event(long *kind)
{
    static char made[EVENT_BYTES];
    append(made, kind);
    return made;
}

/* An array that no single read of a socket brings. */
static const char *large(void)
{
    static char made[LARGE_BYTES + 2 * EVENT_BYTES];
    char *at = made;
    while (at - made < LARGE_BYTES) {
        *at = at == made ? '[' : ',';
        at = append(at + 1, &list_events);
    }
    strcpy(at, "]");
    return made;
}

static redisContext *connected(void)
{
    redisContext *redis = redisConnect(getenv("DOOR_HOST"), atoi(getenv("DOOR_PORT")));
    if (!redis || redis->err) {
        fprintf(stderr, "connect: %s\n", redis ? redis->errstr : "no memory");
        exit(1);
    }
    return redis;
}

static redisReply *login(redisContext *redis, const char *user, const char *password)
{
    return user ? redisCommand(redis, "AUTH %s %s", user, password)
                : redisCommand(redis, "AUTH %s", password);
}

static redisContext *opened(void)
{
    redisContext *redis = connected();
    const char *password = getenv("DOOR_PASSWORD");
    if (password)
        text("AUTH", login(redis, getenv("DOOR_USER"), password), REDIS_REPLY_STATUS, "OK");
    return redis;
}

static redisReply *push(redisContext *redis)
{
    return redisCommand(redis, "LPUSH %s %s", list, event(&list_events));
}

static redisReply *next_reply(redisContext *redis)
{
    void *reply = NULL;
    if (redisGetReply(redis, &reply) != REDIS_OK) {
        fprintf(stderr, "reply: %s\n", redis->errstr);
        exit(1);
    }
    return reply;
}

static void pipeline(redisContext *redis)
{
    for (int sent = 0; sent < PIPELINED; sent++)
        redisAppendCommand(redis, "LPUSH %s %s", list, event(&list_events));
    for (int received = 0; received < PIPELINED; received++)
        length("pipeline", next_reply(redis));
}

static void transaction(redisContext *redis)
{
    redisAppendCommand(redis, "MULTI");
    redisAppendCommand(redis, "LPUSH %s %s", list, event(&list_events));
    redisAppendCommand(redis, "XADD %s * event %s", stream, event(&stream_events));
    redisAppendCommand(redis, "EXEC");
    text("MULTI", next_reply(redis), REDIS_REPLY_STATUS, "OK");
    text("LPUSH in a transaction", next_reply(redis), REDIS_REPLY_STATUS, "QUEUED");
    text("XADD in a transaction", next_reply(redis), REDIS_REPLY_STATUS, "QUEUED");
    const redisReply *both = next_reply(redis);
    int fine = both->type == REDIS_REPLY_ARRAY && both->elements == 2;
    check("EXEC", fine, both, "an array of two");
    length("LPUSH in a transaction", both->element[0]);
    id("XADD in a transaction", both->element[1]);
}

static void wrong_password(void)
{
    const char *user = getenv("DOOR_USER");
    /* "default" takes any password where none is set, so a wrong one needs a user. */
    if (!user && !getenv("DOOR_PASSWORD"))
        user = "nobody";
    refused("wrong password", "WRONGPASS", login(connected(), user, "wrong"));
}

int main(void)
{
    list = getenv("DOOR_LIST");
    stream = getenv("DOOR_STREAM");
    client = getenv("DOOR_CLIENT");

    redisContext *redis = opened();
    text("PING", redisCommand(redis, "PING"), REDIS_REPLY_STATUS, "PONG");
    text("CLIENT SETNAME", redisCommand(redis, "CLIENT SETNAME door-check"), REDIS_REPLY_STATUS, "OK");
    text("client name", redisCommand(redis, "CLIENT GETNAME"), REDIS_REPLY_STRING, "door-check");
    length("LPUSH", push(redis));
    char several[3][EVENT_BYTES];
    for (int one = 0; one < 3; one++)
        append(several[one], &list_events);
    length("RPUSH of several",
           redisCommand(redis, "RPUSH %s %s %s %s", list, several[0], several[1], several[2]));
    for (int one = 0; one < 3; one++)
        id("XADD", redisCommand(redis, "XADD %s * event %s", stream, event(&stream_events)));
    id("XADD with MAXLEN",
       redisCommand(redis, "XADD %s MAXLEN ~ 100000 * event %s", stream, event(&stream_events)));
    pipeline(redis);
    transaction(redis);
    length("100 kB", redisCommand(redis, "LPUSH %s %s", list, large()));
    redisContext *many[CONNECTIONS];
    for (int one = 0; one < CONNECTIONS; one++)
        many[one] = opened();
    for (int one = 0; one < CONNECTIONS; one++)
        length("connections at once", push(many[one]));
    redisContext *elsewhere = opened();
    text("SELECT 3", redisCommand(elsewhere, "SELECT 3"), REDIS_REPLY_STATUS, "OK");
    length("LPUSH after SELECT 3", push(elsewhere));
    wrong_password();
    const char *door = getenv("DOOR");
    if (door && strcmp(door, "1") == 0)
        refused("foreign key", "NOPERM", redisCommand(redis, "LPUSH another:queue {}"));
    printf("{\"client\": \"%s\", \"version\": \"%d.%d.%d\", \"checks\": %ld, \"list_events\": %ld, "
           "\"stream_events\": %ld, \"sum\": %lld}\n",
           client, HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, checks, list_events, stream_events, sum);
}
