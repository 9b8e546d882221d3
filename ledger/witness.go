package ledger

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// MaxSubmission is the longest request to add a checkpoint that is read, in bytes.
const MaxSubmission = MaxCheckpoint + 64*64

// sizeType is the media type of a conflict's answer (C2SP tlog-witness).
const sizeType = "text/x.tlog.size"

// Submission is a request to a witness to cosign a checkpoint (C2SP tlog-witness).
type Submission struct {
	Old    int64       // the size of the checkpoint that the witness cosigned last
	Proof  []tlog.Hash // the new checkpoint continues the old one
	Signed []byte      // the new checkpoint
}

// Marshal writes the body of the request.
func (s Submission) Marshal() []byte {
	var b strings.Builder
	b.WriteString("old " + strconv.FormatInt(s.Old, 10) + "\n")
	for _, h := range s.Proof {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(s.Signed)
	return []byte(b.String())
}

// ParseSubmission reads the body of a request. Nothing of it is verified. Invalid if it is
// malformed, TooLarge beyond [MaxSubmission].
func ParseSubmission(body []byte) (Submission, error) {
	bad := func(why string) (Submission, error) {
		return Submission{}, entente.Errorf(entente.Invalid, "this is not a request to add a checkpoint (C2SP tlog-witness): %s", why)
	}
	if len(body) > MaxSubmission {
		return Submission{}, entente.Errorf(entente.TooLarge, "a request to add a checkpoint has %d bytes at most; this one has %d", MaxSubmission, len(body))
	}
	head, checkpoint, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	old, isOld := strings.CutPrefix(lines[0], "old ")
	if !ok || !isOld {
		return bad("it does not begin with the line old N, or has no checkpoint behind an empty line")
	}
	s := Submission{Signed: []byte(checkpoint)}
	if s.Old, ok = parseSize(old); !ok {
		return bad("the old size is not a size: " + clip(old))
	}
	var err error
	if s.Proof, err = parseHashes(lines[1:]); err != nil {
		return bad(err.Error())
	}
	if _, err := s.claimed(); err != nil {
		return Submission{}, err
	}
	return s, nil
}

// claimed is the checkpoint as it says, without a look at signatures.
func (s Submission) claimed() (Checkpoint, error) {
	text, _, ok := strings.Cut(string(s.Signed), "\n\n")
	if !ok {
		return Checkpoint{}, entente.Errorf(entente.Invalid, "the checkpoint has no signatures (C2SP signed-note)")
	}
	return ParseCheckpoint(text + "\n")
}

// Origin is the log that the checkpoint says it is of; by it the keys and the state are
// looked up that [Witness.Answer] needs.
func (s Submission) Origin() string {
	c, err := s.claimed()
	if err != nil {
		return ""
	}
	return c.Origin
}

// Witness is who cosigns: a name and a key that is used for nothing else.
type Witness struct {
	Name string
	Key  Key
}

// Answer is what a witness answers. If it is 200, State is the checkpoint that must be
// stored before the answer is sent, in the transaction that read the state before.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
	State       Checkpoint
}

// Answer decides about a submission. keys are the log's keys that the witness trusts for
// the origin; none means that the log is unknown. stored is the checkpoint of this origin
// that it cosigned last, the zero Checkpoint if none. now is the time in seconds since
// 1970. The statuses are those of C2SP tlog-witness.
func (w Witness) Answer(s Submission, keys []Verifier, stored Checkpoint, now int64) Answer {
	if len(keys) == 0 {
		return refuse(http.StatusNotFound, "this witness does not know the log; ask its operator to add its key")
	}
	c, _, err := OpenCheckpoint(s.Signed, keys...)
	switch {
	case entente.KindOf(err) == entente.Forbidden:
		return refuse(http.StatusForbidden, entente.PublicText(err))
	case err != nil:
		return refuse(http.StatusBadRequest, entente.PublicText(err))
	case s.Old > c.Size:
		return refuse(http.StatusBadRequest, "the old size is larger than that of the checkpoint")
	case s.Old != stored.Size, c.Size == stored.Size && stored.Origin != "" && c.Root != stored.Root:
		return Answer{Status: http.StatusConflict, ContentType: sizeType, Body: []byte(strconv.FormatInt(stored.Size, 10) + "\n")}
	}
	oldRoot := stored.Root
	if s.Old == 0 {
		oldRoot = EmptyRoot()
	}
	if !CheckConsistency(s.Proof, c.Size, c.Root, s.Old, oldRoot) {
		return refuse(http.StatusUnprocessableEntity, "the proof does not show that this checkpoint continues the one before")
	}
	line, err := w.Key.Cosign(w.Name, c, now)
	if err != nil {
		return refuse(http.StatusInternalServerError, "the witness cannot sign")
	}
	return Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: line, State: c}
}

// AnswerError is the answer to a body that [ParseSubmission] does not take.
func AnswerError(err error) Answer {
	if entente.KindOf(err) == entente.TooLarge {
		return refuse(http.StatusRequestEntityTooLarge, entente.PublicText(err))
	}
	return refuse(http.StatusBadRequest, entente.PublicText(err))
}

func refuse(status int, text string) Answer {
	return Answer{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text + "\n")}
}
