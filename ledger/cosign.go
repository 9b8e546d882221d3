package ledger

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"entente"
)

// CosignVerifier checks the cosignatures that the key makes under a name, that of a witness.
func (k Key) CosignVerifier(name string) (Verifier, error) {
	return NewCosignVerifier(name, k.Public())
}

// NewCosignVerifier makes the verifier of a witness that signs with Ed25519 (C2SP
// tlog-cosignature, type 0x04).
func NewCosignVerifier(name string, key ed25519.PublicKey) (Verifier, error) {
	return newVerifier(name, algorithmCosign, key)
}

// Cosign makes the cosignature of a checkpoint under the name of a witness, one line with
// its end. time is the witness's, in seconds since 1970. Whoever cosigns has checked that
// the checkpoint continues the largest that it ever cosigned for this origin.
func (k Key) Cosign(name string, c Checkpoint, time int64) ([]byte, error) {
	v, err := k.CosignVerifier(name)
	if err != nil {
		return nil, err
	}
	if time < 0 {
		return nil, entente.Errorf(entente.Invalid, "a cosignature needs a time since 1970, not %d", time)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer{v, func(text []byte) []byte {
		sig := binary.BigEndian.AppendUint64(nil, uint64(time))
		return append(sig, ed25519.Sign(k.private, cosigned(text, time))...)
	}})
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this checkpoint cannot be cosigned")
	}
	return signed[len(c.Text())+1:], nil
}

// cosigned is what is signed (C2SP tlog-cosignature, Ed25519 signed message).
func cosigned(text []byte, time int64) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", time), text...)
}

// splitCosignature parts a cosignature into its time in seconds and the signature proper.
func splitCosignature(sig []byte) (time int64, signature []byte, ok bool) {
	if len(sig) != 8+ed25519.SignatureSize {
		return 0, nil, false
	}
	time = int64(binary.BigEndian.Uint64(sig))
	return time, sig[8:], time >= 0
}

// AddSignatures puts signature lines that a known key made below a signed checkpoint, if
// they are not there. Lines of unknown keys, and what is no signature of this checkpoint,
// are left out; added says how many were taken.
func AddSignatures(signed, lines []byte, known ...Verifier) (more []byte, added int, err error) {
	split := strings.LastIndex(string(signed), "\n\n")
	if split < 0 || len(signed)+len(lines) > MaxCheckpoint {
		return nil, 0, entente.Errorf(entente.Invalid, "this is not a signed note with a few more signatures (C2SP signed-note)")
	}
	text, below := string(signed[:split+1]), string(signed[split+2:])
	for line := range strings.Lines(string(lines)) {
		if strings.Contains("\n"+below, "\n"+line) {
			continue
		}
		if _, _, err := verifyNote([]byte(text+"\n"+line), known); err == nil {
			below += line
			added++
		}
	}
	return []byte(text + "\n" + below), added, nil
}
