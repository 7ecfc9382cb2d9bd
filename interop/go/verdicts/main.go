// Package main answers how go-spiffe judges SPIFFE IDs, JWT-SVIDs and X509-SVIDs: one JSON line for each on
// standard input, in order, and nothing of its own but the reading and the writing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// question is one line of input. Bytes are base64 in JSON.
type question struct {
	Kind string `json:"kind"`
	// spiffe-id: the ID.
	Bytes []byte `json:"bytes"`
	// jwt-svid.
	Token    string `json:"token"`
	Audience string `json:"audience"`
	// x509-svid: the leaf first, and the time in epoch seconds.
	Chain [][]byte `json:"chain"`
	Now   int64    `json:"now"`
	// trust: what is trusted from now on.
	TrustDomain string   `json:"trust_domain"`
	JWKS        []byte   `json:"jwks"`
	Authorities [][]byte `json:"authorities"`
}

// verdict is one line of output.
type verdict struct {
	ID    string `json:"id,omitempty"`
	Error string `json:"error,omitempty"`
}

// judge holds the bundles.
type judge struct {
	jwt  *jwtbundle.Set
	x509 *x509bundle.Set
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	j := &judge{jwt: jwtbundle.NewSet(), x509: x509bundle.NewSet()}
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	buffer := bufio.NewWriter(os.Stdout)
	out := json.NewEncoder(buffer)
	for in.More() {
		var q question
		if err := in.Decode(&q); err != nil {
			return err
		}
		id, err := j.ask(&q)
		answer := verdict{ID: id}
		if err != nil {
			answer = verdict{Error: err.Error()}
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return buffer.Flush()
}

func (j *judge) ask(q *question) (string, error) {
	switch q.Kind {
	case "spiffe-id":
		id, err := spiffeid.FromString(string(q.Bytes))
		return id.String(), err
	case "jwt-svid":
		svid, err := jwtsvid.ParseAndValidate(q.Token, j.jwt, []string{q.Audience})
		if err != nil {
			return "", err
		}
		return svid.ID.String(), nil
	case "x509-svid":
		id, _, err := x509svid.ParseAndVerify(q.Chain, j.x509, x509svid.WithTime(time.Unix(q.Now, 0)))
		return id.String(), err
	case "trust":
		return q.TrustDomain, j.trust(q)
	}
	return "", fmt.Errorf("unknown kind %q", q.Kind)
}

func (j *judge) trust(q *question) error {
	domain, err := spiffeid.TrustDomainFromString(q.TrustDomain)
	if err != nil {
		return err
	}
	if q.JWKS != nil {
		bundle, err := jwtbundle.Parse(domain, q.JWKS)
		if err != nil {
			return err
		}
		j.jwt.Add(bundle)
	}
	if q.Authorities != nil {
		all := []byte{}
		for _, one := range q.Authorities {
			all = append(all, one...)
		}
		bundle, err := x509bundle.ParseRaw(domain, all)
		if err != nil {
			return err
		}
		j.x509.Add(bundle)
	}
	return nil
}
