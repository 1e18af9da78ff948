# The few things that are done often. Each is one command, so make is a convenience.

.PHONY: build demo test lint format generate bench

build:    ; CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/millwright
demo:     build ; bin/millwright demo
test:     ; scripts/test
lint:     ; scripts/lint
format:   ; go -C tools build -o ../bin/tools/ mvdan.cc/gofumpt && git ls-files -co --exclude-standard "*.go" | xargs bin/tools/gofumpt -w
generate: ; go generate ./...
bench:    ; go run ./bench
