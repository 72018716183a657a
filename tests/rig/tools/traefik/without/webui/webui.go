// Package webui stands for the files of the dashboard.
package webui

import "testing/fstest"

// FS is empty.
var FS fstest.MapFS
