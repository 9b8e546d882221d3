package ledger

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"entente"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// MaxProofHashes bounds the hashes of a proof: a tree of 2^63 leaves needs 63.
	MaxProofHashes = 63
	// MaxProof is the longest written [Proof] that is read, in bytes.
	MaxProof = 2 * MaxCheckpoint
)

// Proof shows offline that an entry stands in a log: the receipt that a partner keeps
// (C2SP tlog-proof).
type Proof struct {
	// Extra is what was added for the application. Nothing vouches for it.
	Extra []byte
	Index int64
	// Hashes lead from the leaf's sibling to a child of the root (RFC 6962 §2.1.1).
	Hashes []tlog.Hash
	// Checkpoint is the signed checkpoint of a tree that has the entry.
	Checkpoint []byte
}

// Marshal writes the proof.
func (p Proof) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads a proof. It verifies nothing: [Proof.Verify] does. Invalid for what is
// not of the form, TooLarge beyond [MaxProof].
func ParseProof(text []byte) (Proof, error) {
	bad := func(format string, args ...any) (Proof, error) {
		return Proof{}, entente.Errorf(entente.Invalid, "this is not a proof (C2SP tlog-proof): "+format, args...)
	}
	if len(text) > MaxProof {
		return Proof{}, entente.Errorf(entente.TooLarge, "a proof has %d bytes at most; this one has %d", MaxProof, len(text))
	}
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return bad("it does not begin with the line %q, or has no checkpoint behind an empty line", proofHeader)
	}
	p, lines := Proof{Checkpoint: []byte(checkpoint)}, lines[1:]
	if len(lines) > 0 {
		if extra, ok := strings.CutPrefix(lines[0], "extra "); ok {
			var err error
			if p.Extra, err = decodeBase64(extra); err != nil || extra == "" {
				return bad("its extra data is not base64")
			}
			lines = lines[1:]
		}
	}
	if len(lines) == 0 {
		return bad("it has no index")
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	if p.Index, ok = sizeIf(ok, index); !ok {
		return bad("where the index should be stands %q", clip(lines[0]))
	}
	var err error
	if p.Hashes, err = parseHashes(lines[1:]); err != nil {
		return bad("%v", err)
	}
	return p, nil
}

func sizeIf(ok bool, s string) (int64, bool) {
	if !ok {
		return 0, false
	}
	return parseSize(s)
}

// parseHashes reads the lines of a proof.
func parseHashes(lines []string) ([]tlog.Hash, error) {
	if len(lines) > MaxProofHashes {
		return nil, fmt.Errorf("it has %d hashes; %d is the most", len(lines), MaxProofHashes)
	}
	var hashes []tlog.Hash
	for i, line := range lines {
		h, err := parseHash(line)
		if err != nil {
			return nil, fmt.Errorf("its hash %d is not one in base64: %q", i, clip(line))
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// Verify checks the proof of an entry, the exact bytes that the tree has, and gives the
// checkpoint that it rests on. The checkpoint must satisfy the policy. Forbidden if it does
// not; Conflict if the entry is not where the proof says.
func (p Proof) Verify(entry []byte, policy Policy) (Checkpoint, error) {
	c, _, err := policy.Open(p.Checkpoint)
	if err != nil {
		return Checkpoint{}, err
	}
	if !CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, entry) {
		return Checkpoint{}, entente.Errorf(entente.Conflict, "the proof fails: this entry is not at index %d of the %d entries of %s", p.Index, c.Size, clip(c.Origin))
	}
	return c, nil
}
