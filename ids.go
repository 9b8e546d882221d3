package entente

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// ObjectID names a STIX object: "type--UUID" (STIX 2.1 §2.9).
type ObjectID string

// ParseObjectID checks s against STIX 2.1 §2.9: a type of 1 to 250 characters of
// [a-z0-9-], two hyphens, and a UUID of RFC 4122 in its textual form.
func ParseObjectID(s string) (ObjectID, error) {
	i := strings.LastIndex(s, "--")
	if i < 0 {
		return "", Errorf(Invalid, "%q is not a STIX identifier: it has no \"--\" (STIX 2.1 §2.9)", clip(s))
	}
	if !validType(s[:i]) {
		return "", Errorf(Invalid, "%q is not a STIX identifier: %q is not an object type (STIX 2.1 §2.9)", clip(s), clip(s[:i]))
	}
	if !IsUUID(s[i+2:]) {
		return "", Errorf(Invalid, "%q is not a STIX identifier: %q is not a UUID (STIX 2.1 §2.9)", clip(s), clip(s[i+2:]))
	}
	return ObjectID(s), nil
}

// Type is the part before the UUID, "" if the id has none.
func (id ObjectID) Type() string {
	if i := strings.LastIndex(string(id), "--"); i >= 0 {
		return string(id[:i])
	}
	return ""
}

// Fold is a 64-bit key of the id: the first bytes of its SHA-256. Indexes hold it in
// place of the text; two ids may share it, so whoever finds by it compares the id.
func (id ObjectID) Fold() int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

func validType(s string) bool {
	if len(s) == 0 || len(s) > 250 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ValidType reports whether s may be an object type: 1 to 250 characters of [a-z0-9-].
// STIX 2.1 §2.16 and §11.2 also want 3 characters at least and no leading hyphen;
// objects in the field break that, so those are warnings of the stix package.
func ValidType(s string) bool { return validType(s) }

// IsUUID reports whether s is a UUID in its textual form: 36 characters, hexadecimal
// digits of either case, hyphens in four places (RFC 4122 §3).
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}

// NewUUID reads 16 bytes from random and returns them as a version 4 UUID (RFC 4122 §4.4).
func NewUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]), nil
}

// Digest is the SHA-256 of a version's canonical form (RFC 8785).
type Digest [32]byte

// String is the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// clip shortens s for an error text, so that hostile input cannot flood a log.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
