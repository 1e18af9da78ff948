package service

import (
	"net/http"
	"slices"
	"sort"
)

func (s *Service) accountRoutes(at func(string, *resource)) {
	at("/AccountService", &resource{get: (*call).accountService})
	at("/AccountService/Roles", &resource{get: (*call).roleList, collection: true})
	at("/AccountService/Roles/{}", &resource{get: (*call).role})
	list := &resource{get: (*call).accountList, collection: true, write: configureUsers}
	one := &resource{get: (*call).account, write: configureSelf}
	if _, can := s.opts.Backend.(AccountKeeper); can {
		list.post = (*call).addAccount
		one.patch, one.del = (*call).changeAccount, (*call).removeAccount
	}
	at("/AccountService/Accounts", list)
	at("/AccountService/Accounts/{}", one)
}

const accountsPath, rolesPath = root + "/AccountService/Accounts", root + "/AccountService/Roles"

func (c *call) accountService() (object, error) {
	return object{
		"@odata.id": c.path, "@odata.type": "#AccountService.v1_18_1.AccountService", "Id": "AccountService", "Name": "Users",
		"Description": "Who may log in.", "ServiceEnabled": true, "Status": enabled(), "HTTPBasicAuth": "Enabled",
		"Accounts": link(accountsPath), "Roles": link(rolesPath),
	}, nil
}

func roles() []Role { return []Role{Administrator, Operator, ReadOnly} }

func (c *call) roleList() (object, error) {
	all := roles()
	return c.list("RoleCollection", "Roles", len(all), func(i int) object { return link(join(rolesPath, string(all[i]))) }), nil
}

// role is what users may do (Role).
func (c *call) role() (object, error) {
	r := Role(c.ids[0])
	if !slices.Contains(roles(), r) {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#Role.v1_3_3.Role", "Id": string(r), "Name": string(r), "RoleId": string(r),
		"Description": "One of the roles of the standard.", "IsPredefined": true, "AssignedPrivileges": privileges(r), "OemPrivileges": []string{},
	}, nil
}

// accounts lists those that the user may see: everybody's, or their own.
func (c *call) accounts() ([]Account, error) {
	keeper, can := c.opts.Backend.(AccountKeeper)
	if !can || !may(c.user.Role, configureUsers) {
		return []Account{{Name: c.user.Name, Role: c.user.Role, Enabled: true}}, nil
	}
	list, err := keeper.Accounts(c.ctx, c.user)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(a Account) bool { return a.Name == "" })
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

func (c *call) accountList() (object, error) {
	list, err := c.accounts()
	if err != nil {
		return nil, err
	}
	return c.list("ManagerAccountCollection", "Users", len(list), func(i int) object { return link(join(accountsPath, list[i].Name)) }), nil
}

func (c *call) account() (object, error) {
	list, err := c.accounts()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(a Account) bool { return a.Name == c.ids[0] })
	if i < 0 {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return list[i].object(), nil
}

// object is a user (ManagerAccount). Passwords are never shown.
func (a Account) object() object {
	return object{
		"@odata.id": join(accountsPath, a.Name), "@odata.type": "#ManagerAccount.v1_14_1.ManagerAccount", "Id": a.Name, "Name": "User " + a.Name,
		"Description": "Somebody who may log in.", "UserName": a.Name, "Password": nil, "RoleId": string(a.Role), "Enabled": a.Enabled, "Locked": false,
		"AccountTypes": []string{"Redfish"}, "Links": object{"Role": link(join(rolesPath, string(a.Role)))},
	}
}

func roleNames() []string {
	var names []string
	for _, r := range roles() {
		names = append(names, string(r))
	}
	return names
}

func (c *call) addAccount() error {
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	f := fieldsOf(body, "")
	a := Account{Enabled: true}
	a.Name, _ = f.text("UserName", true)
	password, _ := f.text("Password", true)
	role, _ := f.choice("RoleId", true, roleNames()...)
	a.Role = Role(role)
	if v, ok := f.flag("Enabled"); ok {
		a.Enabled = v
	}
	f.texts("AccountTypes", 8)
	f.rest(object{"Id": nil, "Name": nil, "Locked": nil})
	if err := f.err(); err != nil {
		return err
	}
	keeper, _ := c.opts.Backend.(AccountKeeper)
	if err := keeper.AddAccount(c.ctx, c.user, a, password); err != nil {
		if codeOf(err) == Exists {
			return failed(http.StatusConflict, say("ResourceAlreadyExists", "ManagerAccount", "UserName", a.Name))
		}
		return err
	}
	c.created(join(accountsPath, a.Name), a.object())
	return nil
}

// changeAccount takes a PATCH of a user. Who may not change users may change their
// own password.
func (c *call) changeAccount(f *fields) ([]step, error) {
	admin := may(c.user.Role, configureUsers)
	if !admin && c.ids[0] != c.user.Name {
		return nil, failed(http.StatusForbidden, say("InsufficientPrivilege"))
	}
	var change AccountChange
	var names []string
	if v, ok := f.text("Password", false); ok {
		change.Password = &v
		names = append(names, "Password")
	}
	if admin {
		if v, ok := f.choice("RoleId", false, roleNames()...); ok {
			role := Role(v)
			change.Role = &role
			names = append(names, "RoleId")
		}
		if v, ok := f.flag("Enabled"); ok {
			change.Enabled = &v
			names = append(names, "Enabled")
		}
	}
	if names == nil {
		return nil, nil
	}
	keeper, _ := c.opts.Backend.(AccountKeeper)
	return []step{{names, func() error { return keeper.ChangeAccount(c.ctx, c.user, c.ids[0], change) }}}, nil
}

func (c *call) removeAccount() error {
	if !may(c.user.Role, configureUsers) {
		return failed(http.StatusForbidden, say("InsufficientPrivilege"))
	}
	if c.ids[0] == c.user.Name {
		return failed(http.StatusConflict, say("ResourceCannotBeDeleted").words("Nobody can delete the user that they are logged in as."))
	}
	keeper, _ := c.opts.Backend.(AccountKeeper)
	return keeper.RemoveAccount(c.ctx, c.user, c.ids[0])
}
