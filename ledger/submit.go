package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"entente"
)

// SubmitTimeout bounds one request to a witness.
const SubmitTimeout = 30 * time.Second

// Behind says that a witness has cosigned another size than the submission named: a proof
// from there is needed. Of a size that the log never had, or has with another root, it is
// evidence of a fork.
type Behind struct{ Size int64 }

func (b *Behind) Error() string {
	return fmt.Sprintf("the witness has the log at %d entries", b.Size)
}

// Submit asks a witness, by its submission prefix, to cosign a checkpoint (C2SP
// tlog-witness). It gives the signature lines that the keys known verify; there is at
// least one. It reads little and waits [SubmitTimeout] at most. The cause of a Conflict
// is a [*Behind] if the witness has another size. NotFound if it does not know the log,
// Forbidden if it refuses the signature or answers without a known key's, Unprocessable
// for the proof, Unavailable if it cannot be reached or answers anything else.
func Submit(ctx context.Context, client *http.Client, prefix string, s Submission, known ...Verifier) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, SubmitTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(prefix, "/")+"/add-checkpoint", bytes.NewReader(s.Marshal()))
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this is not the address of a witness")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := client.Do(req)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the witness cannot be reached")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxCheckpoint+1))
	if err != nil || len(body) > MaxCheckpoint {
		return nil, entente.Wrap(entente.Unavailable, errors.Join(err, fmt.Errorf("%d bytes were read", len(body))), "the witness's answer breaks off or is too long")
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, entente.Errorf(entente.NotFound, "the witness does not know this log; ask its operator to add its key")
	case http.StatusForbidden:
		return nil, entente.Errorf(entente.Forbidden, "the witness refuses the checkpoint's signature; it may know an older key")
	case http.StatusConflict:
		if size, ok := parseSize(strings.TrimSuffix(string(body), "\n")); ok {
			return nil, entente.Errorf(entente.Conflict, "%w", &Behind{size})
		}
		return nil, entente.Errorf(entente.Conflict, "the witness has another checkpoint of this log")
	case http.StatusUnprocessableEntity:
		return nil, entente.Errorf(entente.Unprocessable, "the witness finds that the checkpoint does not continue the one before")
	default:
		return nil, entente.Errorf(entente.Unavailable, "the witness answers with status %d", resp.StatusCode)
	}
	signed, added, err := AddSignatures(s.Signed, body, known...)
	if err != nil {
		return nil, err
	}
	if added == 0 {
		return nil, entente.Errorf(entente.Forbidden, "the witness's answer has no signature by its known key")
	}
	return signed[len(s.Signed):], nil
}
