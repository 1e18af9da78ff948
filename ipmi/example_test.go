package ipmi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
)

// exampleBMC is a BMC of our own, for the examples: a program would have real ones.
func exampleBMC() (address string, stop func()) {
	m, err := bmc.New(bmc.Config{Users: []bmc.Account{{Name: "admin", Password: "secret", Privilege: 4}}}, bmc.NewMemory(true))
	if err != nil {
		panic(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.Serve(ctx, conn, m) }()
	return conn.LocalAddr().String(), func() {
		cancel()
		<-done
		m.Close()
	}
}

func Example() {
	address, stop := exampleBMC()
	defer stop()

	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	session, err := client.Open(ctx, address, ipmi.Options{User: "admin", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)
	suite, _ := session.Suite()
	fmt.Println(suite)

	// Get Chassis Status; package chassis has it with its meaning.
	status, err := session.Do(ctx, ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: 0x01})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on:", status[0]&1 == 1)
	// Output:
	// suite 17 (HMAC-SHA256/HMAC-SHA256-128/AES-CBC-128)
	// on: true
}

func ExampleClient_Open_wrongPassword() {
	address, stop := exampleBMC()
	defer stop()

	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	_, err := client.Open(context.Background(), address, ipmi.Options{User: "admin", Password: "guess"})
	var failed *ipmi.LoginError
	if errors.As(err, &failed) && failed.Kind == ipmi.LoginWrongPassword {
		fmt.Println(failed.Kind)
	}
	// Output: the password is wrong
}

// Thousands of BMCs need no goroutine each.
func ExampleClient_OpenFunc() {
	address, stop := exampleBMC()
	defer stop()

	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	answers := make(chan string)
	for _, one := range []string{address} {
		client.OpenFunc(context.Background(), one, ipmi.Options{User: "admin", Password: "secret"}, func(s *ipmi.Session, err error) {
			if err != nil {
				go func() { answers <- err.Error() }()
				return
			}
			s.Go(ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: 0x01}, func(data []byte, err error) {
				s.CloseFunc(func() {
					go func() { answers <- fmt.Sprint(data[0]&1 == 1, err) }()
				})
			})
		})
	}
	fmt.Println(<-answers)
	// Output: true <nil>
}
