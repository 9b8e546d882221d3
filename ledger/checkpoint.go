package ledger

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

// MaxCheckpoint is the longest signed checkpoint that is read, in bytes.
const MaxCheckpoint = 64 << 10

// Checkpoint is the head of a log: its origin, its size in entries, and the root of its
// tree (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	// Extension are the lines that other logs add, each with its end. Ours add none.
	Extension string
}

// Text is the text that is signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n" + c.Extension
}

// ParseCheckpoint reads the text of a checkpoint, strictly: exactly one text stands for a
// checkpoint. Invalid for anything else.
func ParseCheckpoint(text string) (Checkpoint, error) {
	bad := func(why string) (Checkpoint, error) {
		return Checkpoint{}, entente.Errorf(entente.Invalid, "this is not a checkpoint (C2SP tlog-checkpoint): %s", why)
	}
	lines := strings.SplitAfterN(text, "\n", 4)
	if len(lines) < 4 {
		return bad("it has fewer than three lines")
	}
	line := func(i int) string { return strings.TrimSuffix(lines[i], "\n") }
	c := Checkpoint{Origin: line(0), Extension: lines[3]}
	if c.Origin == "" {
		return bad("its first line, the origin, is empty")
	}
	var ok bool
	if c.Size, ok = parseSize(line(1)); !ok {
		return bad("its second line is not a size: " + clip(line(1)))
	}
	root, err := parseHash(line(2))
	if err != nil {
		return bad("its third line is not a SHA-256 hash in base64: " + clip(line(2)))
	}
	c.Root = root
	if x := c.Extension; x != "" && (!strings.HasSuffix(x, "\n") || strings.HasPrefix(x, "\n") || strings.Contains(x, "\n\n")) {
		return bad("it has an empty or unended line behind the third")
	}
	if c.Size == 0 && c.Root != EmptyRoot() {
		return bad("an empty log has another root")
	}
	return c, nil
}

// Sign signs the checkpoint with the key of its epoch, under its origin.
func (c Checkpoint) Sign(k Key) ([]byte, error) {
	if _, err := ParseCheckpoint(c.Text()); err != nil {
		return nil, err
	}
	return signNote(k, c.Origin, c.Text())
}

func signNote(k Key, name, text string) ([]byte, error) {
	s, err := k.signer(name)
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this cannot be signed as a note")
	}
	return signed, nil
}

// Signature is one verified signature below a checkpoint.
type Signature struct {
	By Verifier
	// Time is when a witness signed, in seconds since 1970; 0 for the signature of a log.
	Time int64
}

// OpenCheckpoint reads a signed checkpoint and verifies it: with the key of the log that
// stands in it, and the signatures of other known keys. Signatures of unknown keys are
// ignored. Invalid if it is malformed, Forbidden if no known log key has signed it or a
// known key's signature is wrong.
func OpenCheckpoint(signed []byte, known ...Verifier) (Checkpoint, []Signature, error) {
	c, sigs, err := openNote(signed, known)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	for _, s := range sigs {
		if s.By.algorithm == algorithmNote && s.By.name == c.Origin {
			return c, sigs, nil
		}
	}
	return Checkpoint{}, nil, entente.Errorf(entente.Forbidden, "the checkpoint of %q is signed by no known key of this log", clip(c.Origin))
}

// OpenCosigned reads a checkpoint that a known key has cosigned, whether or not the log has
// signed it. Invalid if it is malformed, Forbidden without a good signature of the key.
func OpenCosigned(signed []byte, known Verifier) (Checkpoint, error) {
	c, _, err := openNote(signed, []Verifier{known})
	return c, err
}

// openNote reads a checkpoint that at least one known key has signed, whichever.
func openNote(signed []byte, known []Verifier) (Checkpoint, []Signature, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, nil, entente.Errorf(entente.TooLarge, "a checkpoint has %d bytes at most; this one has %d", MaxCheckpoint, len(signed))
	}
	text, sigs, err := verifyNote(signed, known)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	c, err := ParseCheckpoint(text)
	return c, sigs, err
}

// verifyNote gives the text of a note and its signatures by known keys, of which there is
// at least one.
func verifyNote(signed []byte, known []Verifier) (string, []Signature, error) {
	n, err := note.Open(signed, verifiers(known))
	var unknown *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		return "", nil, entente.Errorf(entente.Forbidden, "no known key has signed this: its keys are %s", signedBy(unknown.Note))
	case errors.As(err, &wrong):
		return "", nil, entente.Errorf(entente.Forbidden, "the signature of %q is wrong: the text or the signature was changed", clip(wrong.Name))
	case err != nil:
		return "", nil, entente.Errorf(entente.Invalid, "this is not a signed note (C2SP signed-note)")
	}
	sigs := make([]Signature, len(n.Sigs))
	for i, s := range n.Sigs {
		raw, err := decodeBase64(s.Base64)
		if err != nil {
			return "", nil, entente.Errorf(entente.Invalid, "the signature of %q is not in the one form of base64", clip(s.Name))
		}
		by, _ := verifiers(known).find(s.Name, s.Hash)
		sigs[i].By = by
		if by.algorithm == algorithmCosign {
			sigs[i].Time, _, _ = splitCosignature(raw[4:])
		}
	}
	return n.Text, sigs, nil
}

func signedBy(n *note.Note) string {
	var names []string
	for _, s := range n.UnverifiedSigs {
		if len(names) == 4 {
			names = append(names, "…")
			break
		}
		names = append(names, strconv.Quote(clip(s.Name)))
	}
	return strings.Join(names, ", ")
}

// verifiers are known keys; of two that are alike the first counts.
type verifiers []Verifier

func (list verifiers) find(name string, hash uint32) (Verifier, bool) {
	for _, v := range list {
		if v.name == name && v.KeyHash() == hash {
			return v, true
		}
	}
	return Verifier{}, false
}

func (list verifiers) Verifier(name string, hash uint32) (note.Verifier, error) {
	if v, ok := list.find(name, hash); ok {
		return v, nil
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// parseSize reads a number from 0 to 2^63-1 as it is written: without sign or leading zeros.
func parseSize(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

func parseHash(s string) (h tlog.Hash, err error) {
	b, err := decodeBase64(s)
	if err == nil && len(b) != len(h) {
		err = strconv.ErrRange
	}
	if err != nil {
		return h, err
	}
	return tlog.Hash(b), nil
}
