package api

import (
	_ "embed"
	"net/http"
	"strconv"
)

//go:embed openapi.json
var openAPI []byte

// OpenAPI is the description of all that a node answers beside TAXII, in the form of
// OpenAPI 3.1, as JSON. Every node of this release answers the same.
func OpenAPI() []byte { return openAPI }

// openapi answers with the description.
func (s *Server) openapi(c *call) error {
	c.json(openAPI)
	return nil
}

// json answers with a body of plain JSON.
func (c *call) json(body []byte) {
	h := c.x.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.x.WriteHeader(http.StatusOK)
	_, _ = c.x.Write(body) // an error means that the client is gone
}
