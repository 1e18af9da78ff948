package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// Update is firmware to be put onto what a service manages.
type Update struct {
	Name    string    // of the file
	Image   io.Reader // read once
	Targets []string  // paths of what it is for; empty leaves it to the service
	Apply   string    // OperationApplyTime: "Immediate", "OnReset"…; empty leaves it to the service
	Force   bool      // ForceUpdate: also what is older
}

// Push sends firmware to the service (DSP0266 "Multipart HTTP push update"), or, where
// it has not that, by the older HTTP push. It takes as long as ctx lets it. What it
// gives has a Task nearly always; what is not waited for goes on without.
func (c *Client) Push(ctx context.Context, u Update) (*Result, error) {
	service, err := c.updateService(ctx)
	if err != nil {
		return nil, err
	}
	// What is streamed cannot be sent again, so the session had better be alive.
	if _, err := c.Read(ctx, c.root.Link("UpdateService")); err != nil {
		return nil, err
	}
	if to := service.Link("MultipartHttpPushUri"); to != "" {
		return c.pushMultipart(ctx, to, u)
	}
	to := service.Link("HttpPushUri")
	if to == "" {
		return nil, &UnsupportedError{What: "firmware to be sent to it"}
	}
	if len(u.Targets) > 0 {
		if _, err := c.Patch(ctx, c.root.Link("UpdateService"), map[string]any{"HttpPushUriTargets": u.Targets}); err != nil {
			return nil, err
		}
	}
	return c.push(ctx, to, u.Image, "application/octet-stream")
}

// pushMultipart sends the parameters and the image in one body, the image as it is read.
func (c *Client) pushMultipart(ctx context.Context, to string, u Update) (*Result, error) {
	parameters := map[string]any{"Targets": append([]string{}, u.Targets...)}
	if u.Apply != "" {
		parameters["@Redfish.OperationApplyTime"] = u.Apply
	}
	if u.Force {
		parameters["ForceUpdate"] = true
	}
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = in.CloseWithError(writeUpdate(form, text, u))
	}()
	r, err := c.push(ctx, to, out, form.FormDataContentType())
	_ = out.CloseWithError(errors.New("the service has stopped listening"))
	<-written
	return r, err
}

func writeUpdate(form *multipart.Writer, parameters []byte, u Update) error {
	p, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="UpdateParameters"`}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return err
	}
	if _, err := p.Write(parameters); err != nil {
		return err
	}
	p, err = form.CreateFormFile("UpdateFile", u.Name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(p, u.Image); err != nil {
		return err
	}
	return form.Close()
}

func (c *Client) push(ctx context.Context, to string, body io.Reader, kind string) (*Result, error) {
	a, err := c.do(ctx, ask{
		method: http.MethodPost, path: to, stream: io.NopCloser(body), change: true, patient: true, header: http.Header{"Content-Type": {kind}},
	})
	if err != nil {
		return nil, err
	}
	return c.result(a), nil
}

// Fetch has the service get firmware from a URL by itself (UpdateService.SimpleUpdate).
func (c *Client) Fetch(ctx context.Context, url string, targets []string) (*Result, error) {
	service, err := c.updateService(ctx)
	if err != nil {
		return nil, err
	}
	a, ok := c.Action(service, "UpdateService.SimpleUpdate")
	if !ok {
		return nil, &UnsupportedError{What: "getting firmware by itself"}
	}
	body := map[string]any{"ImageURI": url}
	if len(targets) > 0 {
		body["Targets"] = targets
	}
	return a.Call(ctx, body)
}
