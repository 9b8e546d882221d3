package ledger

import (
	"slices"
	"strconv"
	"strings"

	"entente"
)

// The limits of a policy; the format recommends to take 32 of each at least.
const (
	MaxPolicy      = 256 << 10 // bytes
	maxPolicyItems = 1000      // logs, witnesses and groups together
)

// Policy says which checkpoints are trusted: which logs, and which witnesses must have
// cosigned (C2SP tlog-policy). The zero Policy trusts no log.
type Policy struct {
	Logs      []PolicyLog
	Witnesses []PolicyWitness
	groups    []policyGroup
	quorum    string // "" and "none" ask for no witness
}

// PolicyLog is a log that a policy trusts.
type PolicyLog struct {
	Key Verifier
	URL string // "" if none is given
}

// PolicyWitness is a witness whose cosignature counts.
type PolicyWitness struct {
	Name string // within the policy
	Key  Verifier
	URL  string // "" if none is given
}

// policyGroup witnesses a checkpoint if so many of its members do.
type policyGroup struct {
	name    string
	needed  int
	members []string
}

// Trust is the policy that trusts logs by their keys and asks for no witness.
func Trust(logs ...Verifier) Policy {
	var p Policy
	for _, v := range logs {
		p.Logs = append(p.Logs, PolicyLog{Key: v})
	}
	return p
}

// ParsePolicy reads a policy file. Invalid, with the number of the line, for what the
// format does not allow; TooLarge beyond [MaxPolicy].
func ParsePolicy(text []byte) (Policy, error) {
	if len(text) > MaxPolicy {
		return Policy{}, entente.Errorf(entente.TooLarge, "a policy has %d bytes at most; this one has %d", MaxPolicy, len(text))
	}
	var p Policy
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, ended := strings.CutSuffix(line, "\n")
		fault := ""
		if !ended {
			fault = "the line has no end"
		} else if i := strings.IndexFunc(line, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }); i >= 0 {
			fault = "it has a control character"
		} else if words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' }); len(words) > 0 && words[0][0] != '#' {
			fault = p.line(words)
		}
		if fault != "" {
			return Policy{}, entente.Errorf(entente.Invalid, "line %d of the policy: %s (C2SP tlog-policy)", number, fault)
		}
	}
	if p.quorum == "" {
		return Policy{}, entente.Errorf(entente.Invalid, "the policy has no quorum; add a line: quorum NAME, or quorum none (C2SP tlog-policy)")
	}
	return p, nil
}

// line takes one line, and says what is wrong with it.
func (p *Policy) line(words []string) (fault string) {
	if len(p.Logs)+len(p.Witnesses)+len(p.groups) >= maxPolicyItems {
		return "a policy has " + strconv.Itoa(maxPolicyItems) + " logs, witnesses and groups at most"
	}
	switch n := len(words); {
	case words[0] == "log" && (n == 2 || n == 3):
		v, fault := policyKey(words[1], algorithmNote)
		if fault == "" && slices.ContainsFunc(p.Logs, func(l PolicyLog) bool { return l.Key.key.Equal(v.key) }) {
			fault = "this log's key is there already"
		}
		p.Logs = append(p.Logs, PolicyLog{v, strings.Join(words[2:], "")})
		return fault
	case words[0] == "witness" && (n == 3 || n == 4):
		v, fault := policyKey(words[2], algorithmCosign)
		if fault == "" && slices.ContainsFunc(p.Witnesses, func(w PolicyWitness) bool { return w.Key.key.Equal(v.key) }) {
			fault = "this witness's key is there already"
		}
		if fault == "" {
			fault = p.fresh(words[1])
		}
		p.Witnesses = append(p.Witnesses, PolicyWitness{words[1], v, strings.Join(words[3:], "")})
		return fault
	case words[0] == "group" && n >= 4:
		return p.group(words[1], words[2], words[3:])
	case words[0] == "quorum" && n == 2:
		if p.quorum != "" {
			return "there is a quorum already"
		}
		if p.quorum = words[1]; p.quorum != "none" && !p.defined(p.quorum) {
			return clip(p.quorum) + " is no witness and no group of the lines before"
		}
		return ""
	}
	return "it is none of: log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|K NAME…, quorum NAME"
}

func policyKey(text string, algorithm byte) (Verifier, string) {
	v, err := ParseVerifier(text)
	switch {
	case err != nil:
		return v, entente.PublicText(err)
	case v.algorithm != algorithm:
		return v, "the key is of type " + strconv.Itoa(int(v.algorithm)) + "; a log's is of type 1, a witness's of type 4"
	}
	return v, ""
}

func (p *Policy) group(name, needed string, members []string) (fault string) {
	if fault := p.fresh(name); fault != "" {
		return fault
	}
	for i, m := range members {
		if !p.defined(m) {
			return clip(m) + " is no witness and no group of the lines before"
		}
		if slices.Contains(members[:i], m) || slices.ContainsFunc(p.groups, func(g policyGroup) bool { return slices.Contains(g.members, m) }) {
			return clip(m) + " is a member already; a name is a member once"
		}
	}
	k, err := strconv.Atoi(needed)
	switch {
	case needed == "all":
		k = len(members)
	case needed == "any":
		k = 1
	case err != nil || k < 1 || k > len(members) || strconv.Itoa(k) != needed:
		return "a group asks for all, any, or a number from 1 to that of its members; not " + clip(needed)
	}
	p.groups = append(p.groups, policyGroup{name, k, members})
	return ""
}

// fresh says why a name cannot be given.
func (p *Policy) fresh(name string) string {
	if name == "none" || p.defined(name) {
		return "the name " + clip(name) + " is taken"
	}
	return ""
}

func (p *Policy) defined(name string) bool {
	return slices.ContainsFunc(p.Witnesses, func(w PolicyWitness) bool { return w.Name == name }) ||
		slices.ContainsFunc(p.groups, func(g policyGroup) bool { return g.name == name })
}

// Verifiers are all keys of the policy.
func (p Policy) Verifiers() []Verifier {
	var list []Verifier
	for _, l := range p.Logs {
		list = append(list, l.Key)
	}
	for _, w := range p.Witnesses {
		list = append(list, w.Key)
	}
	return list
}

// Met reports whether cosignatures satisfy the quorum.
func (p Policy) Met(by []Signature) bool {
	met := map[string]bool{"": true, "none": true}
	for _, w := range p.Witnesses {
		met[w.Name] = slices.ContainsFunc(by, func(s Signature) bool { return s.By.String() == w.Key.String() })
	}
	for _, g := range p.groups { // their members stand before them
		n := 0
		for _, m := range g.members {
			if met[m] {
				n++
			}
		}
		met[g.name] = n >= g.needed
	}
	return met[p.quorum]
}

// Open reads a signed checkpoint that satisfies the policy: one of its logs has signed it,
// and its quorum of witnesses. Errors as of [OpenCheckpoint]; Forbidden if witnesses are
// missing.
func (p Policy) Open(signed []byte) (Checkpoint, []Signature, error) {
	c, sigs, err := OpenCheckpoint(signed, p.Verifiers()...)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if !p.Met(sigs) {
		return Checkpoint{}, nil, entente.Errorf(entente.Forbidden, "too few witnesses have cosigned the checkpoint of %q: the quorum of the policy is %s", clip(c.Origin), clip(p.quorum))
	}
	return c, sigs, nil
}
