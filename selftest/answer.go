package selftest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// answer is all that a partner sees of a response.
type answer struct {
	status int
	header []string // one line each, sorted; without Date, which tells the machine's clock
	body   []byte
}

func newAnswer(status int, header http.Header, body []byte) answer {
	a := answer{status: status, body: body}
	for name, values := range header {
		if name != "Date" {
			a.header = append(a.header, name+": "+strings.Join(values, "\x00"))
		}
	}
	slices.Sort(a.header)
	return a
}

func (a answer) equal(b answer) bool {
	return a.status == b.status && slices.Equal(a.header, b.header) && bytes.Equal(a.body, b.body)
}

func (a answer) String() string {
	return fmt.Sprintf("%d\n%s\n\n%s", a.status, strings.Join(a.header, "\n"), a.body)
}
