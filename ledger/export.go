package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"entente"
)

// The files of an export beside those of its logs.
const (
	ExportFile   = "ledger.json"
	ManifestFile = "manifest"
	feedsDir     = "feeds/"
	maxExport    = 16 << 20 // bytes of ledger.json, and of the manifest
)

// Export is what ledger.json says: whose ledger it is, its epochs, keys and logs.
type Export struct {
	Format  string        `json:"format"`  // "entente-ledger"
	Version int           `json:"version"` // 1
	Home    ExportHome    `json:"home"`
	Epochs  []ExportEpoch `json:"epochs"`
}

// ExportHome is the organisation whose ledger it is.
type ExportHome struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ExportEpoch is one epoch: its number, from 1 on, its keys in the order of time, and its
// logs, the main log first.
type ExportEpoch struct {
	Epoch int         `json:"epoch"`
	Keys  []ExportKey `json:"keys"`
	Logs  []ExportLog `json:"logs"`
}

// ExportKey is a key of an epoch. From is the size that the main log had when the key took
// over: checkpoints of larger sizes are signed by it. The first of an epoch is from 0. The
// signature is that of the key before, in hexadecimal: over [KeyStatement] within an
// epoch, over [DiscontinuityStatement] at its beginning; it is missing for the first key of
// all, and where the key before was lost.
type ExportKey struct {
	Key       string `json:"key"` // the public key in hexadecimal
	From      int64  `json:"from"`
	Signature string `json:"signature,omitempty"`
}

// ExportLog is a log; Partner is empty for the main log.
type ExportLog struct {
	Origin  string `json:"origin"`
	Partner string `json:"partner"`
}

// Origin is the origin of a log of home: of its main log if partner is "".
func Origin(home string, epoch int, partner string) string {
	o := "entente/" + home + "/" + strconv.Itoa(epoch)
	if partner != "" {
		o += "/" + partner
	}
	return o
}

// LogDir is the directory of a log in an export.
func LogDir(epoch int, partner string) string {
	if partner == "" {
		partner = "main"
	}
	return strconv.Itoa(epoch) + "/" + partner
}

// FeedFile is the path of a release feed in an export.
func FeedFile(feed string) string { return feedsDir + feed + ".ndjson" }

// Marshal writes ledger.json, with format and version.
func (x Export) Marshal() ([]byte, error) {
	x.Format, x.Version = "entente-ledger", 1
	b, err := json.Marshal(x)
	return append(b, '\n'), err
}

// ParseExport reads ledger.json. Invalid if it is not of the form, or says something of
// logs and epochs that cannot be. The signatures of keys are not verified.
func ParseExport(b []byte) (Export, error) {
	bad := func(format string, args ...any) (Export, error) {
		return Export{}, entente.Errorf(entente.Invalid, "this is not the ledger.json of an export: "+format, args...)
	}
	var x Export
	if err := jsonv2.Unmarshal(b, &x, jsonv2.RejectUnknownMembers(true)); err != nil {
		return bad("it is not JSON with the members that belong there")
	}
	switch {
	case x.Format != "entente-ledger" || x.Version != 1:
		return bad("format %q, version %d; entente-ledger 1 is understood", clip(x.Format), x.Version)
	case !entente.IsUUID(x.Home.ID):
		return bad("the id of home is no UUID: %q", clip(x.Home.ID))
	case len(x.Epochs) == 0:
		return bad("it has no epoch")
	}
	for i, e := range x.Epochs {
		if e.Epoch != i+1 {
			return bad("epoch %d stands where epoch %d should", e.Epoch, i+1)
		}
		if len(e.Keys) == 0 || e.Keys[0].From != 0 {
			return bad("epoch %d has no key from size 0", e.Epoch)
		}
		for j, k := range e.Keys {
			var key [ed25519.PublicKeySize]byte
			var sig [ed25519.SignatureSize]byte
			if !unhex(key[:], k.Key) || k.Signature != "" && !unhex(sig[:], k.Signature) || j > 0 && k.From <= e.Keys[j-1].From {
				return bad("key %d of epoch %d is not 32 bytes in lower-case hexadecimal, its signature not 64, or it does not begin after the one before", j, e.Epoch)
			}
		}
		if len(e.Logs) == 0 || e.Logs[0].Partner != "" {
			return bad("the first log of epoch %d is not the main log", e.Epoch)
		}
		seen := map[string]bool{}
		for j, l := range e.Logs {
			if j > 0 && !entente.IsUUID(l.Partner) || seen[l.Partner] || l.Origin != Origin(x.Home.ID, e.Epoch, l.Partner) {
				return bad("log %d of epoch %d has the partner %q and the origin %q; a partner is a UUID and has one log, and the origin follows from it", j, e.Epoch, clip(l.Partner), clip(l.Origin))
			}
			seen[l.Partner] = true
		}
	}
	return x, nil
}

// key is the i-th key of the epoch, as the verifier of a log.
func (e ExportEpoch) key(i int, origin string) Verifier {
	b, _ := hex.DecodeString(e.Keys[i].Key)
	v, _ := NewVerifier(origin, b)
	return v
}

// keyAt is the key that signs checkpoints of the main log at a size.
func (e ExportEpoch) keyAt(size int64) int {
	at := 0
	for i, k := range e.Keys {
		if k.From < size {
			at = i
		}
	}
	return at
}

// verifiers are all keys of the epoch, for a log.
func (e ExportEpoch) verifiers(origin string) []Verifier {
	var list []Verifier
	for i := range e.Keys {
		list = append(list, e.key(i, origin))
	}
	return list
}

// DiscontinuityStatement is what the last key of the epoch before signs to begin a new
// epoch: its main log, its first key, and the last checkpoints that survived.
func DiscontinuityStatement(origin string, next ed25519.PublicKey, last []Checkpoint) []byte {
	b := fmt.Appendf(nil, "entente/ledger-discontinuity/v1\n%s\n%x\n", origin, []byte(next))
	for _, c := range last {
		b = fmt.Appendf(b, "%s %d %s\n", c.Origin, c.Size, c.Root)
	}
	return b
}

// Hashes are SHA-256 hashes of files of an export, by path.
type Hashes map[string][sha256.Size]byte

const manifestHeader = "entente-ledger-export/v1"

// SignManifest signs the list of what no tree holds: ledger.json, the checkpoint of every
// log and every feed. It is a signed note under the origin of the last epoch's main log.
func SignManifest(k Key, origin string, paths []string, hashes Hashes) ([]byte, error) {
	var b strings.Builder
	b.WriteString(manifestHeader + "\n" + origin + "\n")
	for _, p := range paths {
		h, ok := hashes[p]
		if !ok || strings.ContainsAny(p, " \n") {
			return nil, entente.Errorf(entente.Invalid, "the file %q has no hash, or a name that cannot stand in a manifest", clip(p))
		}
		fmt.Fprintf(&b, "%x %s\n", h, p)
	}
	return signNote(k, origin, b.String())
}

// openManifest verifies a manifest, which has exactly one signature.
func openManifest(signed []byte, v Verifier) (paths []string, hashes Hashes, err error) {
	text, _, err := verifyNote(signed, []Verifier{v})
	if err != nil {
		return nil, nil, err
	}
	bad := func(why string) ([]string, Hashes, error) {
		return nil, nil, entente.Errorf(entente.Invalid, "this is not the manifest of an export: %s", why)
	}
	if strings.Count(string(signed[len(text):]), "\n") != 2 {
		return bad("it has more than one signature")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 || lines[0] != manifestHeader || lines[1] != v.Name() {
		return bad("it does not begin with " + manifestHeader + " and the origin of the log")
	}
	hashes = Hashes{}
	for _, line := range lines[2:] {
		sum, path, _ := strings.Cut(line, " ")
		h, ok := hexHash(sum)
		if _, twice := hashes[path]; !ok || path == "" || twice {
			return bad("its line " + strconv.Quote(clip(line)) + " is not a hash and a path, or the path is there already")
		}
		hashes[path] = h
		paths = append(paths, path)
	}
	return paths, hashes, nil
}
