// Traefik's own module of this path is published in no proxy. It is where forks put their additions, so there is nothing in it.
module github.com/traefik/traefik/dynamic/ext

go 1.22
