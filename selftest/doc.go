// Package selftest tries whether a partner of a node can learn what it must not: the
// guarantee of non-interference (docs/design/015-noninterference.md), as a test that
// anyone can run against their own build.
//
// A trial makes up a short history in which home and partners submit, decide and delete, and
// hidden additions to it that may not show: red objects, stricter versions, relationships
// that straddle the border, other partners' objects and traffic. One node lives through the
// history alone, a second one through the additions as well. Both are asked the same over
// HTTP by the partner, and every byte of their answers must be the same; and what the
// partner's feeds hold must be what a small reference works out by itself.
package selftest
