package app

import (
	"context"
	"fmt"

	"millwright.dev/millwright/internal/auth"
)

// openAccess reads who may do what.
func (a *App) openAccess(ctx context.Context) error {
	book, err := auth.OpenBook(ctx, a.store, a.events)
	if err != nil {
		return fmt.Errorf("open the book of users: %w", err)
	}
	a.book = book
	a.who = auth.NewAuthenticator(book, a.events.AppendLater)
	return nil
}
