package ledger

import (
	"context"
)

// What tests feed with bytes directly.
var (
	ParseEventLine = parseEventLine
	OpenManifest   = openManifest
)

// ReadFeed reads a feed and gives its head, and how many entries it has.
func ReadFeed(ctx context.Context, files Files, path string) (FeedHead, int, error) {
	f, _, err := readFeed(ctx, files, path)
	if err != nil {
		return FeedHead{}, 0, err
	}
	return f.FeedHead, len(f.seqs), nil
}
