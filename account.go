package entente

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Account is a person, or a service (a program), that signs in. It belongs to an organisation.
type Account struct {
	ID           string // UUID
	Name         string // unique, see [CheckName]
	Organisation string // the organisation's id
	Service      bool
	// Mandates are the roles that it holds, held or will hold, oldest first; none for
	// services and for the accounts of partners.
	Mandates     []Mandate
	Disabled     bool
	PasswordHash string // argon2id in PHC form, "" if the account has no password
	Created      int64  // microseconds since 1970
}

// Token is a bearer secret of an account. Only its hash is kept.
type Token struct {
	ID      string   // UUID
	Account string   // the account's id
	Hash    [32]byte // SHA-256 of the secret
	Note    string
	Created int64 // microseconds since 1970
	Expires int64 // microseconds since 1970, 0 for never
}

// Grant is what an account may do with one collection.
type Grant struct {
	Account    string // the account's id
	Collection string // the collection's id
	Read       bool
	Write      bool
}

// Actor is who a command or a question comes from.
type Actor struct {
	Account Account
	// Local marks the operating system's owner of the node, who works on its data
	// directly with the command line. It may do what an operator may.
	Local bool
	// At is the moment for which roles are asked, microseconds since 1970: of the sign-in,
	// and for a command that of its decision. Without it nobody holds a role.
	At int64
	// Case is the reference of a case that somebody keeps elsewhere, for which the command is
	// given; "" for none. See [CheckCase].
	Case string
}

// LocalActor is the command line on the node's own data.
func LocalActor() Actor { return Actor{Local: true, Account: Account{Name: "local"}} }

// IsOperator reports whether the actor may run the node.
func (a Actor) IsOperator() bool { return a.May(RunNode) }

// MaxCase is the most characters that the reference of a case may have.
const MaxCase = 200

// CheckCase checks the reference of a case: 1 to [MaxCase] printable characters, no blank at
// either end.
func CheckCase(s string) error {
	switch {
	case s == "":
		return Errorf(Invalid, "the reference of the case is missing; give the one under which the matter is filed")
	case !utf8.ValidString(s):
		return Errorf(Invalid, "the reference of the case is not valid UTF-8")
	case utf8.RuneCountInString(s) > MaxCase:
		return Errorf(Invalid, "the reference of the case has more than %d characters", MaxCase)
	case strings.TrimSpace(s) != s:
		return Errorf(Invalid, "the reference of the case begins or ends with a blank")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return Errorf(Invalid, "the reference of the case holds the character %U, which cannot be printed", r)
		}
	}
	return nil
}

// MaxName is the most characters that a name of an account or collection may have.
const MaxName = 128

// CheckName checks a name: 1 to [MaxName] characters, printable, no colon in an
// account's (HTTP Basic ends the user name at one, RFC 7617 §2), no blank at either end.
func CheckName(what, s string) error {
	switch {
	case s == "":
		return Errorf(Invalid, "the %s needs a name", what)
	case !utf8.ValidString(s):
		return Errorf(Invalid, "the name of the %s is not valid UTF-8", what)
	case utf8.RuneCountInString(s) > MaxName:
		return Errorf(Invalid, "the name of the %s has more than %d characters", what, MaxName)
	case strings.TrimSpace(s) != s:
		return Errorf(Invalid, "the name of the %s begins or ends with a blank", what)
	case what == "account" && strings.Contains(s, ":"):
		return Errorf(Invalid, "the name of an account must not hold a colon: HTTP Basic sign-in could not carry it")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return Errorf(Invalid, "the name of the %s holds the character %U, which cannot be printed", what, r)
		}
	}
	return nil
}

// checkText checks a text that is only shown, and may be empty: UTF-8 of at most so many
// bytes, without NUL, which PostgreSQL does not keep.
func checkText(what, s string, most int) error {
	if len(s) > most || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return Errorf(Invalid, "the %s must be text in UTF-8 of at most %d bytes, without NUL", what, most)
	}
	return nil
}

// requireText is checkText for a text that must say something.
func requireText(what, s string, most int) error {
	if strings.TrimSpace(s) == "" {
		return Errorf(Invalid, "the %s is missing; say it in words that others can check later", what)
	}
	return checkText(what, s, most)
}
