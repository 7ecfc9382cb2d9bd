package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// setup is what the client is told on its command line, as a JSON file.
type setup struct {
	WorkloadAPI      string `json:"workload_api"`
	SpiffeID         string `json:"spiffe_id"`
	Issuer           string `json:"issuer"`
	Resource         string `json:"resource"`
	CAFile           string `json:"ca_file"`
	BundleURL        string `json:"bundle_url"`
	BundleCAFile     string `json:"bundle_ca_file"`
	SpiffeBundleURL  string `json:"spiffe_bundle_url"`
	EndpointSpiffeID string `json:"endpoint_spiffe_id"`
}

// metadata is the part of RFC 8414's that the client goes by.
type metadata struct {
	Issuer               string `json:"issuer"`
	RegistrationEndpoint string `json:"registration_endpoint"`
	TokenEndpoint        string `json:"token_endpoint"`
	JWKSURI              string `json:"jwks_uri"`
	Aliases              struct {
		TokenEndpoint string `json:"token_endpoint"`
	} `json:"mtls_endpoint_aliases"`
}

// accessClaims are the claims of an access token (RFC 9068) that the client looks at.
type accessClaims struct {
	jwt.Claims
	ClientID     string `json:"client_id"`
	Confirmation struct {
		Thumbprint string `json:"x5t#S256"`
	} `json:"cnf"`
}

func readSetup(path string) (*setup, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	to := new(setup)
	return to, json.Unmarshal(text, to)
}

func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return roots, nil
}

func getJSON(ctx context.Context, client *http.Client, address string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	return send(client, request, http.StatusOK, answer)
}

func postJSON(ctx context.Context, client *http.Client, address string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return send(client, request, http.StatusCreated, answer)
}

func postForm(ctx context.Context, client *http.Client, address string, form url.Values, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(client, request, http.StatusOK, answer)
}

func send(client *http.Client, request *http.Request, want int, answer any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: expected %d, got %d: %s", request.Method, request.URL.Path, want, response.StatusCode, text)
	}
	return json.Unmarshal(text, answer)
}

// verifyAccessToken verifies an access token as a resource server does, with go-jose.
func verifyAccessToken(token string, keys *jose.JSONWebKeySet, as *metadata, audience string) (*accessClaims, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil {
		return nil, err
	}
	if typ := parsed.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
		return nil, fmt.Errorf("expected typ at+jwt, got %v", typ)
	}
	claims := new(accessClaims)
	if err := parsed.Claims(keys, claims); err != nil {
		return nil, err
	}
	return claims, claims.Validate(jwt.Expected{Issuer: as.Issuer, AnyAudience: jwt.Audience{audience}})
}
