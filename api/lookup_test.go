package api

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	w := newWorld(t, Config{})
	for name, c := range map[string]struct {
		r    request
		want int
	}{
		"one":             {request{method: "GET", path: "/api/lookup?value=198.51.100.7", as: "reader"}, 200},
		"some":            {request{method: "GET", path: "/api/lookup?value=a&value=b&limit=3", as: "reader"}, 200},
		"many":            {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":["198.51.100.7","x"]}`}, 200},
		"nobody":          {request{method: "GET", path: "/api/lookup?value=a"}, 401},
		"no value":        {request{method: "GET", path: "/api/lookup", as: "reader"}, 400},
		"no values":       {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":[]}`}, 400},
		"a bad limit":     {request{method: "GET", path: "/api/lookup?value=a&limit=0", as: "reader"}, 400},
		"a negative one":  {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":["a"],"limit":-1}`}, 400},
		"not JSON":        {request{method: "POST", path: "/api/lookup", as: "reader", body: `values`}, 400},
		"something else":  {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"value":"a"}`}, 400},
		"more behind it":  {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":["a"]}{}`}, 400},
		"too many values": {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`}, 413},
		"too long":        {request{method: "POST", path: "/api/lookup", as: "reader", body: `{"values":["` + strings.Repeat("a", 2<<20) + `"]}`}, 413},
		"another method":  {request{method: "DELETE", path: "/api/lookup", as: "reader"}, 405},
	} {
		r := w.do(c.r)
		if r.status != c.want {
			t.Errorf("%s: %d %.200s, want %d", name, r.status, r.body, c.want)
			continue
		}
		var a struct{ Results []struct{ Value string } }
		if c.want == 200 && (json.Unmarshal([]byte(r.body), &a) != nil || len(a.Results) == 0) {
			t.Errorf("%s: %s", name, r.body)
		}
	}
}
