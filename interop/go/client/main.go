// The client is a workload that knows nothing of Accredit but the specifications: it gets its SVIDs and bundles
// with go-spiffe, verifies them with go-spiffe, registers and gets tokens over plain HTTP. One line for each step
// that held; the first that does not ends it with exit code 1.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"

// client is a workload with what it has learnt so far.
type client struct {
	*setup
	id       spiffeid.ID
	api      *workloadapi.Client
	x509     *x509svid.SVID
	bundle   *spiffebundle.Bundle
	web      *http.Client
	metadata metadata
	keys     jose.JSONWebKeySet
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: client SETUP_FILE")
	}
	to, err := readSetup(os.Args[1])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	id, err := spiffeid.FromString(to.SpiffeID)
	if err != nil {
		return err
	}
	api, err := workloadapi.New(ctx, workloadapi.WithAddr(to.WorkloadAPI))
	if err != nil {
		return err
	}
	defer api.Close()
	c := &client{setup: to, id: id, api: api}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"X509-SVID fetched and verified", c.fetchX509},
		{"JWT-SVID fetched and verified", c.fetchJWT},
		{"WIT-SVID and its bundle fetched", c.fetchWIT},
		{"bundle fetched over https_web", c.fetchWebBundle},
		{"bundle fetched over https_spiffe", c.fetchSpiffeBundle},
		{"server metadata and keys read", c.discover},
		{"registered by JWT-SVID", c.registerJWT},
		{"token got by JWT-SVID", c.tokenByJWT},
		{"a statement is no assertion", c.statementAsAssertion},
		{"registered for mutual TLS", c.registerX509},
		{"token got by X509-SVID, bound to it", c.tokenByX509},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println(step.name)
	}
	return nil
}

func (c *client) fetchX509(ctx context.Context) error {
	fetched, err := c.api.FetchX509Context(ctx)
	if err != nil {
		return err
	}
	c.x509 = fetched.DefaultSVID()
	id, _, err := x509svid.Verify(c.x509.Certificates, fetched.Bundles)
	if err != nil {
		return err
	}
	bundles, err := c.api.FetchX509Bundles(ctx)
	if err != nil {
		return err
	}
	if _, _, err := x509svid.Verify(c.x509.Certificates, bundles); err != nil {
		return err
	}
	return c.isOurs(id)
}

func (c *client) fetchJWT(ctx context.Context) error {
	const audience = "https://elsewhere.example"
	svid, err := c.api.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience, Subject: c.id})
	if err != nil {
		return err
	}
	bundles, err := c.api.FetchJWTBundles(ctx)
	if err != nil {
		return err
	}
	parsed, err := jwtsvid.ParseAndValidate(svid.Marshal(), bundles, []string{audience})
	if err != nil {
		return err
	}
	if _, err := c.api.ValidateJWTSVID(ctx, svid.Marshal(), audience); err != nil {
		return err
	}
	if _, err := c.api.ValidateJWTSVID(ctx, svid.Marshal(), "https://another.example"); err == nil {
		return errors.New("expected the Workload API to refuse another audience")
	}
	return c.isOurs(parsed.ID)
}

func (c *client) fetchWIT(ctx context.Context) error {
	svid, err := c.api.FetchWITSVID(ctx, c.id.String())
	if err != nil {
		return err
	}
	bundles, err := c.api.FetchWITBundles(ctx)
	if err != nil {
		return err
	}
	bundle, err := bundles.GetWITBundleForTrustDomain(c.id.TrustDomain())
	if err != nil {
		return err
	}
	if len(bundle.WITAuthorities()) == 0 {
		return errors.New("expected WIT authorities, got none")
	}
	return c.isOurs(svid.ID)
}

func (c *client) fetchWebBundle(ctx context.Context) error {
	roots, err := readRoots(c.BundleCAFile)
	if err != nil {
		return err
	}
	c.bundle, err = federation.FetchBundle(ctx, c.id.TrustDomain(), c.BundleURL, federation.WithWebPKIRoots(roots))
	if err != nil {
		return err
	}
	if _, _, err := x509svid.Verify(c.x509.Certificates, c.bundle); err != nil {
		return err
	}
	if len(c.bundle.JWTAuthorities()) == 0 {
		return errors.New("expected JWT authorities, got none")
	}
	return nil
}

func (c *client) fetchSpiffeBundle(ctx context.Context) error {
	endpoint, err := spiffeid.FromString(c.EndpointSpiffeID)
	if err != nil {
		return err
	}
	bundle, err := federation.FetchBundle(ctx, c.id.TrustDomain(), c.SpiffeBundleURL, federation.WithSPIFFEAuth(c.bundle, endpoint))
	if err != nil {
		return err
	}
	if !bundle.Equal(c.bundle) {
		return errors.New("expected the same bundle from both endpoints")
	}
	stranger := federation.WithSPIFFEAuth(c.bundle, c.id)
	if _, err := federation.FetchBundle(ctx, c.id.TrustDomain(), c.SpiffeBundleURL, stranger); err == nil {
		return errors.New("expected the endpoint's SPIFFE ID to be told from another")
	}
	return nil
}

func (c *client) discover(ctx context.Context) error {
	roots, err := readRoots(c.CAFile)
	if err != nil {
		return err
	}
	c.web = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	if err := getJSON(ctx, c.web, c.Issuer+"/.well-known/oauth-authorization-server", &c.metadata); err != nil {
		return err
	}
	if c.metadata.Issuer != c.Issuer {
		return fmt.Errorf("expected issuer %s, got %s", c.Issuer, c.metadata.Issuer)
	}
	return getJSON(ctx, c.web, c.metadata.JWKSURI, &c.keys)
}

func (c *client) registerJWT(ctx context.Context) error {
	return c.register(ctx, "spiffe_jwt", nil)
}

func (c *client) registerX509(ctx context.Context) error {
	return c.register(ctx, "spiffe_x509", map[string]any{"tls_client_certificate_bound_access_tokens": true})
}

func (c *client) register(ctx context.Context, method string, more map[string]any) error {
	statement, err := c.jwtFor(ctx, c.metadata.RegistrationEndpoint)
	if err != nil {
		return err
	}
	body := map[string]any{"software_statement": statement, "token_endpoint_auth_method": method}
	for name, value := range more {
		body[name] = value
	}
	var registered struct {
		ClientID string `json:"client_id"`
		Method   string `json:"token_endpoint_auth_method"`
	}
	if err := postJSON(ctx, c.web, c.metadata.RegistrationEndpoint, body, &registered); err != nil {
		return err
	}
	if registered.ClientID != c.SpiffeID || registered.Method != method {
		return fmt.Errorf("expected %s by %s, got %s by %s", c.SpiffeID, method, registered.ClientID, registered.Method)
	}
	return nil
}

func (c *client) tokenByJWT(ctx context.Context) error {
	assertion, err := c.jwtFor(ctx, c.Issuer)
	if err != nil {
		return err
	}
	_, err = c.token(ctx, c.web, c.metadata.TokenEndpoint, url.Values{
		"client_assertion_type": {assertionType},
		"client_assertion":      {assertion},
	})
	return err
}

func (c *client) statementAsAssertion(ctx context.Context) error {
	statement, err := c.jwtFor(ctx, c.metadata.RegistrationEndpoint)
	if err != nil {
		return err
	}
	_, err = c.token(ctx, c.web, c.metadata.TokenEndpoint, url.Values{
		"client_assertion_type": {assertionType},
		"client_assertion":      {statement},
	})
	if err == nil || !strings.Contains(err.Error(), "invalid_client") {
		return fmt.Errorf("expected invalid_client, got %v", err)
	}
	return nil
}

func (c *client) tokenByX509(ctx context.Context) error {
	roots, err := readRoots(c.CAFile)
	if err != nil {
		return err
	}
	over := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsconfig.MTLSWebClientConfig(c.x509, roots)}}
	claims, err := c.token(ctx, over, c.metadata.Aliases.TokenEndpoint, url.Values{"client_id": {c.SpiffeID}})
	if err != nil {
		return err
	}
	hash := sha256.Sum256(c.x509.Certificates[0].Raw)
	if want := base64.RawURLEncoding.EncodeToString(hash[:]); claims.Confirmation.Thumbprint != want {
		return fmt.Errorf("expected a token bound to %s, got %q", want, claims.Confirmation.Thumbprint)
	}
	return nil
}

func (c *client) token(ctx context.Context, over *http.Client, endpoint string, form url.Values) (*accessClaims, error) {
	form.Set("grant_type", "client_credentials")
	form.Set("resource", c.Resource)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := postForm(ctx, over, endpoint, form, &answer); err != nil {
		return nil, err
	}
	claims, err := verifyAccessToken(answer.AccessToken, &c.keys, &c.metadata, c.Resource)
	if err != nil {
		return nil, err
	}
	if claims.ClientID != c.SpiffeID {
		return nil, fmt.Errorf("expected a token of %s, got one of %s", c.SpiffeID, claims.ClientID)
	}
	return claims, nil
}

func (c *client) jwtFor(ctx context.Context, audience string) (string, error) {
	svid, err := c.api.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience, Subject: c.id})
	if err != nil {
		return "", err
	}
	return svid.Marshal(), nil
}

func (c *client) isOurs(id spiffeid.ID) error {
	if id != c.id {
		return fmt.Errorf("expected %s, got %s", c.id, id)
	}
	return nil
}
