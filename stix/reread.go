package stix

import entente "entente"

// Reread reads the bytes of a version that [Parse] has taken before, of a digest that is
// known: it gives what Parse gives, and looks for nothing but that. So it has no findings,
// makes no canonical form, and costs a quarter. It gives nil for what Parse cannot have taken,
// as far as it sees that: bytes that are damaged are found by their digest, and not by this.
//
// Version.Bytes is raw itself, which must not be changed any more.
//
// Reread may be called from several goroutines at once.
func Reread(raw []byte, digest entente.Digest) *entente.Version {
	s := getScratch()
	defer s.put()
	if !s.tape.read(raw) || s.tape.nodes[0].kind != '{' {
		return nil
	}
	c := checker{tape: &s.tape, full: true} // nobody reads what there is to say
	v := &entente.Version{Confidence: -1, Digest: digest, Bytes: raw}
	if c.common(v); c.faulty {
		return nil
	}
	c.references(v)
	c.dissent(v)
	return v
}
