// go-redis sends the README's events: so many to the list and to the stream each.
//
//	go_redis ADDRESS NUMBER
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strconv"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: os.Args[1]})
	number, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for range number {
		events, _ := json.Marshal([]map[string]any{{"name": "jobs_total", "value": 1}})
		if err := rdb.LPush(ctx, "prom-stream-gateway:metric-queue", events).Err(); err != nil {
			log.Fatal(err)
		}
		values := map[string]any{"data": events}
		stream := &redis.XAddArgs{Stream: "prom-stream-gateway:metric-stream", Values: values}
		if err := rdb.XAdd(ctx, stream).Err(); err != nil {
			log.Fatal(err)
		}
	}
}
