package taxii

import (
	"strconv"

	"entente"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Discovery is the discovery resource (§4.1.1). Default, where there is one, must be in
// APIRoots. A root is an absolute https URL or "/name/".
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"`
	APIRoots    []string `json:"api_roots,omitempty"`
}

// APIRoot is the api-root resource (§4.2.1). MaxContentLength is in octets, more than 0.
type APIRoot struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitempty"`
	Versions         []string `json:"versions"`
	MaxContentLength int64    `json:"max_content_length"`
}

// Collections is the collections resource (§5.1.1).
type Collections struct {
	Collections []Collection `json:"collections,omitempty"`
}

// Collection is the collection resource (§5.2.1) as one client sees it.
type Collection struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

// ManifestRecord describes one version of an object (§5.3.1).
type ManifestRecord struct {
	ID        string `json:"id"`
	DateAdded string `json:"date_added"`
	Version   string `json:"version"`
	MediaType string `json:"media_type,omitempty"`
}

// The values of [Status.Status] (§4.3.1).
const (
	Complete = "complete" // will not be updated further
	Pending  = "pending"  // may be updated
)

// Status is the status resource (§4.3.1): what became of the objects of one POST.
type Status struct {
	ID               string         `json:"id"`
	Status           string         `json:"status"`
	RequestTimestamp string         `json:"request_timestamp,omitempty"`
	TotalCount       int            `json:"total_count"`
	SuccessCount     int            `json:"success_count"`
	Successes        []StatusDetail `json:"successes,omitempty"`
	FailureCount     int            `json:"failure_count"`
	Failures         []StatusDetail `json:"failures,omitempty"`
	PendingCount     int            `json:"pending_count"`
	Pendings         []StatusDetail `json:"pendings,omitempty"`
}

// StatusDetail is the status-details type (§4.3.1). All but Message is required.
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`
}

// Error is the error message (§3.6.1). HTTPStatus is a string, equal to the status code
// of the answer that carries it; [NewError] sets it so.
type Error struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	ErrorID     string `json:"error_id,omitempty"`
	HTTPStatus  string `json:"http_status,omitempty"`
}

// NewError makes the body of an answer with the HTTP status.
func NewError(status int, title, description string) Error {
	return Error{Title: title, Description: description, HTTPStatus: strconv.Itoa(status)}
}

// Encode writes a resource as JSON. Text that is not UTF-8 is repaired rather than
// refused: an error body must always be possible.
func Encode(resource any) ([]byte, error) {
	b, err := json.Marshal(resource, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, entente.Wrap(entente.Internal, err, "")
	}
	return append(b, '\n'), nil
}

// Root is the path of an API root by its name, relative to the server (§4.1.1).
func Root(name string) string { return "/" + name + "/" }

// MediaTypesSTIX lists every media type that a collection can hold (§5.2.1).
func MediaTypesSTIX() []string {
	return []string{MediaTypeSTIX(entente.Spec21), MediaTypeSTIX(entente.Spec20)}
}

// MediaTypeSTIX is the media type of objects of one specification version.
func MediaTypeSTIX(spec entente.Spec) string {
	return "application/stix+json;version=" + spec.String()
}
