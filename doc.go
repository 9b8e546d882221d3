// Package entente holds the words and the rules of an intelligence exchange:
// organisations, accounts, collections, versions of STIX objects, the commands
// that change them, and the pure decisions about those commands.
//
// It imports the standard library only. It has no clock, does no I/O and knows
// nothing of HTTP or SQL: time, randomness and stored facts are handed in, so
// that every rule here can be tested as a function.
package entente
