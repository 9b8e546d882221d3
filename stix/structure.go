package stix

import entente "entente"

func (c *checker) spec(v *entente.Version, k int) {
	v.Spec = entente.Spec21
	if k > 0 && c.mustBe(k, '"', "a string") {
		switch s := c.string(k); s {
		case "2.1":
		case "2.0":
			v.Spec = entente.Spec20
		default:
			c.fault(k, "STIX 2.1 §3.2", "%q is not a version of STIX that is understood: 2.0 or 2.1", clip(s))
		}
	}
	c.two = v.Spec == entente.Spec20
}

func (c *checker) structure(v *entente.Version) {}
