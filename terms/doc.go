// Package terms is the written form of an agreement's terms: the TOML file that people
// write and read, and the canonical JSON that is hashed and signed. What terms may say is
// decided by [entente.Terms.Check]; this package finds the lines.
package terms
