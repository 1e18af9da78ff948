package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// A driver for a device that is asked for "/on/a" and answers 200.
func Example() {
	device := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/on/b" {
			http.Error(w, "the outlet is locked", http.StatusConflict)
		}
	}))
	defer device.Close()
	base, err := web.ParseAddress(device.URL) // in Traits
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := web.Open(context.Background(), env(), web.Config{ // in Open
		Base: base, Auth: web.Auth{Scheme: web.Digest},
	}, func(t *web.Talk) error {
		a, err := t.Do(web.Request{Path: "/"})
		if err == nil {
			err = a.Want(http.StatusOK)
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	sink := &sink{} // in Do
	err = client.Each(context.Background(), driver.Batch{Op: room.On, Plugs: []int{0, 1, 2}}, sink, func(t *web.Talk, plug int) error {
		a, err := t.Do(web.Request{Method: http.MethodPost, Path: "/on/" + client.Env.Plugs[plug].Name, Change: true})
		if err == nil {
			err = a.Want(http.StatusOK)
		}
		return err
	})
	fmt.Println(sink.told, err)
	// Output: [0 done 1 failed: HTTP 409 Conflict: the outlet is locked 2 done] <nil>
}
