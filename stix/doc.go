// Package stix turns bytes into versions of STIX objects: it splits bundles, TAXII
// envelopes, arrays and lines into objects ([Reader]), reads and checks one object
// ([Parse]), gives its canonical form ([Canonical], RFC 8785), its searchable text ([Text])
// and the values it can be found by ([Observables]), and reads patterns ([ParsePattern]).
//
// It is pure: bytes in, values out, no clock, no files, no network. Splitting is lenient
// and looks at brackets and strings only; reading is strict and looks at one object at a
// time. So an object that is refused, for a duplicate key say, never costs its neighbours.
//
// The standards are STIX 2.1 with Errata 01 and STIX 2.0. What breaks them without hiding
// what an object is, says or permits is a warning and is taken; what cannot be read as an
// object, or whose markings cannot be read, is refused.
package stix
